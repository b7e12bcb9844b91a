/** Token counts added up. A count that nobody reported stays absent: unmeasured is not zero. */
import type { UsageRecord } from './store/records.ts'

const FIELDS = ['inputTokens', 'outputTokens', 'totalTokens', 'cachedInputTokens', 'reasoningTokens', 'calls'] as const

/** The sum; a field is absent where neither has it. */
export function addUsage(a: UsageRecord | undefined, b: UsageRecord | undefined): UsageRecord | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return FIELDS.reduce<UsageRecord>((sum, name) => {
    const [left, right] = [a[name], b[name]]
    return left === undefined && right === undefined ? sum : Object.assign(sum, { [name]: (left ?? 0) + (right ?? 0) })
  }, {})
}

/** What of a sum is left without a part of it. */
export function lessUsage(sum: UsageRecord | undefined, part: UsageRecord | undefined): UsageRecord | undefined {
  if (sum === undefined || part === undefined) return sum
  const left = FIELDS.flatMap((name): readonly [string, number][] => {
    const value = (sum[name] ?? 0) - (part[name] ?? 0)
    return value > 0 ? [[name, value]] : []
  })
  return left.length === 0 ? undefined : Object.fromEntries(left)
}
