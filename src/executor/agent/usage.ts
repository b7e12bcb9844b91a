/** Token counts. A count that was not reported stays absent: unmeasured is not zero. */
import type { UsageRecord } from '../../store/records.ts'
import { UNMEASURED } from '../../usage.ts'
import type { StreamPart } from './model.ts'

type ProviderUsage = Extract<StreamPart, { type: 'finish' }>['usage']

/** The counts that a provider reported for one call. */
export function usageOf({ inputTokens, outputTokens }: ProviderUsage): UsageRecord {
  const input = countOf(inputTokens.total)
  const output = countOf(outputTokens.total)
  return {
    ...((input === undefined || output === undefined) && UNMEASURED),
    ...field('inputTokens', input),
    ...field('outputTokens', output),
    ...field('totalTokens', input === undefined || output === undefined ? undefined : input + output),
    ...field('cachedInputTokens', countOf(inputTokens.cacheRead)),
    ...field('reasoningTokens', countOf(outputTokens.reasoning)),
    calls: 1,
  }
}

/** Measured tokens: the total where there is one, otherwise the sum of what is known. */
export function tokensOf(usage: UsageRecord | undefined): number {
  return usage?.totalTokens ?? (usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0)
}

function countOf(value: number | undefined): number | undefined {
  return value !== undefined && Number.isFinite(value) && value >= 0 ? value : undefined
}

function field<Name extends keyof UsageRecord>(name: Name, value: number | undefined): Partial<Record<Name, number>> {
  const one: Partial<Record<Name, number>> = {}
  if (value !== undefined) one[name] = value
  return one
}
