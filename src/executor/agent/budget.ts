import type { TerminalFailureSource } from '../../kernel/regions/turn/input.ts'
import type { RunPort } from '../executor.ts'

export interface Budget {
  readonly maxTokens?: number
  readonly maxToolCalls?: number
  readonly maxTurns?: number
}

export interface Spent {
  readonly tokens: number
  readonly toolCalls: number
  readonly turns: number
}

export interface Exhausted {
  readonly source: TerminalFailureSource
  readonly error: { readonly code: string; readonly message: string }
}

const DEFAULT_MAX_TURNS = 50

/** For each limit, the lower of the agent's and the session's. */
export function tighter(a: Budget, b: Budget): Budget & { readonly maxTurns: number } {
  const least = (name: keyof Budget): number =>
    Math.min(a[name] ?? Number.POSITIVE_INFINITY, b[name] ?? Number.POSITIVE_INFINITY)
  const maxTurns = least('maxTurns')
  return {
    maxTokens: least('maxTokens'),
    maxToolCalls: least('maxToolCalls'),
    maxTurns: maxTurns === Number.POSITIVE_INFINITY ? DEFAULT_MAX_TURNS : maxTurns,
  }
}

/** Which budget another model call would exceed; undefined: none. */
export function exhaustedBefore(budget: Budget, spent: Spent): Exhausted | undefined {
  return exhaustedByTokens(budget, spent) ?? exhaustedByTurns(budget, spent)
}

/** Whether no token is left. */
export function exhaustedByTokens({ maxTokens }: Budget, { tokens }: Spent): Exhausted | undefined {
  if (maxTokens === undefined || tokens < maxTokens) return undefined
  const message = `the run used ${tokens} of ${maxTokens} tokens: raise budget.maxTokens, or ask for less at once`
  return { source: 'token-budget-exceeded', error: { code: 'token-budget-exceeded', message } }
}

function exhaustedByTurns({ maxTurns }: Budget, { turns }: Spent): Exhausted | undefined {
  if (maxTurns === undefined || turns < maxTurns) return undefined
  const message = `the model was called ${turns} times of ${maxTurns} without coming to an end: raise maxTurns, or ask for less at once`
  return { source: 'max-turns-reached', error: { code: 'max-turns-reached', message } }
}

/** Whether this many more tool calls exceed the budget. */
export function exhaustedByCalls({ maxToolCalls }: Budget, { toolCalls }: Spent, more: number): Exhausted | undefined {
  if (maxToolCalls === undefined || toolCalls + more <= maxToolCalls) return undefined
  const message = `the model asked for ${more} more tool calls after ${toolCalls} of ${maxToolCalls}: raise budget.maxToolCalls, or ask for less at once`
  return { source: 'tool-call-budget-exceeded', error: { code: 'tool-call-budget-exceeded', message } }
}

const WARN_AT = 0.8

/** Answers a function that warns once for each budget, when four fifths of it are used. */
export function budgetWarnings(port: RunPort, { maxTokens, maxToolCalls, maxTurns }: Budget): (spent: Spent) => void {
  const warned = new Set<string>()
  return ({ tokens, toolCalls, turns }) => {
    const budgets = [
      ['tokens', tokens, maxTokens],
      ['toolCalls', toolCalls, maxToolCalls],
      ['turns', turns, maxTurns],
    ] as const
    for (const [budget, used, limit] of budgets) {
      if (limit === undefined || !Number.isFinite(limit) || used < limit * WARN_AT || warned.has(budget)) continue
      warned.add(budget)
      port.stream({ type: 'budget.warning', budget, used, limit })
    }
  }
}
