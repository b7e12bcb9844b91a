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
