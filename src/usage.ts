/**
 * Adds token counts. A count that was not reported stays absent, and the sum says that it is incomplete: unmeasured is
 * not zero.
 */
import type { UsageRecord } from './store/records.ts'

const FIELDS = ['inputTokens', 'outputTokens', 'totalTokens', 'cachedInputTokens', 'reasoningTokens', 'calls'] as const

/** The usage of something whose cost is unknown. */
export const UNMEASURED: UsageRecord = { unmeasured: true }

/** The sum; a field is absent where neither has it. */
export function addUsage(a: UsageRecord | undefined, b: UsageRecord | undefined): UsageRecord | undefined {
  if (a === undefined || b === undefined) return a ?? b
  const sum = FIELDS.reduce<UsageRecord>((all, name) => {
    const [left, right] = [a[name], b[name]]
    return left === undefined && right === undefined ? all : Object.assign(all, { [name]: (left ?? 0) + (right ?? 0) })
  }, {})
  return a.unmeasured === true || b.unmeasured === true ? { ...sum, ...UNMEASURED } : sum
}

/** A sum without one of its parts. */
export function lessUsage(sum: UsageRecord | undefined, part: UsageRecord | undefined): UsageRecord | undefined {
  if (sum === undefined || part === undefined) return sum
  const left = FIELDS.flatMap((name): readonly [string, number][] => {
    const value = (sum[name] ?? 0) - (part[name] ?? 0)
    return value > 0 ? [[name, value]] : []
  })
  const rest: UsageRecord = { ...Object.fromEntries(left), ...(sum.unmeasured === true && UNMEASURED) }
  return Object.keys(rest).length === 0 ? undefined : rest
}
