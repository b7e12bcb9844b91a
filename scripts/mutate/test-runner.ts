// Takes the place of the test runner where the unit tests are run against mutants: it keeps the bodies instead of
// running them. `expect` is vitest's.
export { expect } from 'vitest'

interface Collected {
  readonly name: string
  readonly run: () => unknown
}

type Body = (...args: readonly unknown[]) => unknown
type Register = (name: string, ...rest: readonly unknown[]) => void

let pending: Collected[] = []

/** The tests that were registered since the last call. */
export function collected(): readonly Collected[] {
  const all = pending
  pending = []
  return all
}

/** The body is the one function among the arguments: options may stand before or after it. */
function bodyOf(rest: readonly unknown[]): Body {
  const body = rest.find(one => typeof one === 'function')
  if (body === undefined) throw new Error('a test has no body')
  return body as Body
}

const argumentsOf = (row: unknown): readonly unknown[] => (Array.isArray(row) ? (row as readonly unknown[]) : [row])

const register: Register = (name, ...rest) => {
  const body = bodyOf(rest)
  pending.push({ name, run: () => body({}) })
}

const each =
  (table: readonly unknown[]): Register =>
  (name, ...rest) => {
    const body = bodyOf(rest)
    for (const [at, row] of table.entries())
      pending.push({ name: `${name} (${at + 1})`, run: () => body(...argumentsOf(row)) })
  }

const group: Register = (_, ...rest) => void bodyOf(rest)()

const groups =
  (table: readonly unknown[]): Register =>
  (_, ...rest) => {
    const body = bodyOf(rest)
    for (const row of table) body(...argumentsOf(row))
  }

export const test: Register & { readonly each: typeof each } = Object.assign(register, { each })
export const describe: Register & { readonly each: typeof groups } = Object.assign(group, { each: groups })
