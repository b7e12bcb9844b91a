/** Shared by the cases of the store contract: the stores of a test, and small sessions and commits. */
import { MeerkatError } from '../../errors.ts'
import type { InputId, RunId, SessionId } from '../../kernel/ids.ts'
import { type CommitRecord, type Position, RECORD_VERSION, type SessionOptions } from '../../store/records.ts'
import type { Claim, Commit, Head, Store, StoreSource } from '../../store/store.ts'

/** The assertions that the cases use. */
export type Expect = (value: unknown) => {
  toBe(expected: unknown): void
  toEqual(expected: unknown): void
  toMatchObject(expected: object): void
  toBeGreaterThan(expected: number): void
}

export interface Context {
  readonly expect: Expect
  readonly store: Store
  /** Another store of the same source; it is closed after the test. */
  readonly open: () => Promise<Store>
}

/** Cases by title. */
export type Cases = Readonly<Record<string, (context: Context) => Promise<void>>>

export async function inStores(
  fresh: () => Promise<{ readonly source: StoreSource; readonly dispose?: () => Promise<void> }>,
  expect: Expect,
  check: (context: Context) => Promise<void>,
): Promise<void> {
  const { source, dispose } = await fresh()
  const opened: Store[] = []
  const open = async (): Promise<Store> => {
    const store = await source.open()
    opened.push(store)
    return store
  }
  try {
    await check({ expect, store: await open(), open })
  } finally {
    for (const store of opened) await store.close()
    await dispose?.()
  }
}

export const sessionId = (text: string): SessionId => text as SessionId
export const inputId = (text: string): InputId => text as InputId
export const runId = (text: string): RunId => text as RunId

/** A UUID that is the same for the same number. */
export function uuid(number: number): string {
  return `01900000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`
}

/** Numbers of commits, rising over all sessions and processes, and so within each session. */
let commits = 0
const nextCommit = (): number => (commits = Math.max(commits + 1, Date.now() * 1_000))

export const head = (facts: Partial<Head> = {}): Head => ({
  phase: 'idle',
  unfinished: 0,
  messages: 0,
  commits: nextCommit(),
  ...facts,
})

export const record = (at: number, more: Partial<CommitRecord> = {}): CommitRecord => ({
  v: RECORD_VERSION,
  at,
  ...more,
})

/** A session with its first record, owned by `owner`. */
export async function create(
  store: Store,
  id: string,
  given: {
    readonly owner?: string
    readonly options?: SessionOptions
    readonly head?: Head
    readonly at?: number
  } = {},
): Promise<{ claim: Claim; position: Position }> {
  const at = given.at ?? 1
  return store.create(
    { id: sessionId(id), createdAt: at, options: given.options ?? {} },
    { record: record(at), head: given.head ?? head() },
    given.owner ?? 'owner-1',
  )
}

/** A minimal commit with the fields of the case added. */
export function commit(claim: Claim, at: number, more: Partial<Omit<Commit, 'claim'>> = {}): Commit {
  return { claim, record: record(at), head: head(), ...more }
}

/** Gives `count` commits at once, with `at` from `from` on, and answers their positions. */
export function commitMany(store: Store, claim: Claim, from: number, count: number): Promise<Position[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => store.commit(commit(claim, from + i))))
}

/** The error that a promise fails with; `undefined` if it doesn't fail. */
export async function failure(promise: Promise<unknown>): Promise<MeerkatError | undefined> {
  try {
    await promise
    return undefined
  } catch (error) {
    if (error instanceof MeerkatError) return error
    throw error
  }
}

/** The code that a promise fails with; `undefined` if it doesn't fail. */
export async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  return (await failure(promise))?.code
}
