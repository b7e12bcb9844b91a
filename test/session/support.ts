/** Runtimes of a test: closed with it, and every session of their store audited then. */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished } from 'vitest'
import { MeerkatError } from '../../src/errors.ts'
import type { EventView } from '../../src/events.ts'
import { EVENTS } from '../../src/events.ts'
import { createRuntime, type Runtime, type RuntimeOptions } from '../../src/index.ts'
import { memory } from '../../src/store/memory.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import type { StoreSource } from '../../src/store/store.ts'

/** Every suite runs on both. */
export const STORES = ['memory', 'sqlite'] as const
export type StoreKind = (typeof STORES)[number]

/** A path in a folder that goes with the test. */
export function freshPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'meerkat-session-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'sessions.db')
}

/** An empty store. When the test is over its log must re-run through the kernel. */
export function freshStore(kind: StoreKind): StoreSource {
  const source = kind === 'memory' ? memory() : sqlite(freshPath())
  onTestFinished(() => auditAll(source))
  return source
}

async function auditAll(source: StoreSource): Promise<void> {
  await using runtime = await createRuntime({ store: source, recover: false })
  const { items } = await runtime.list({ limit: 1_000 })
  for (const { id } of items) {
    expect(await runtime.audit(id)).toMatchObject({ ok: true })
    for (const event of await eventsOf(runtime, id, 500)) expect(missingOf(event)).toEqual([])
  }
}

/** What an event lacks of what its type declares. */
function missingOf(event: EventView): readonly string[] {
  const declared: {
    readonly says: string
    readonly of?: readonly string[]
    readonly fields?: Readonly<Record<string, readonly string[]>>
  } = EVENTS[event.type]
  const fields = Object.entries(declared.fields ?? {}).filter(([, [kind]]) => kind?.endsWith('?') === false)
  const names = [...(declared.of ?? []), ...fields.map(([name]) => name)]
  return names.filter(name => event[name] === undefined).map(name => `${event.type} has no ${name}`)
}

/** A runtime that is closed with the test. */
export async function start(options: RuntimeOptions): Promise<Runtime> {
  const runtime = await createRuntime({ abortGraceMs: 200, ...options })
  onTestFinished(() => runtime.close())
  return runtime
}

/** All events of a session so far, read page by page. */
export async function eventsOf(runtime: Runtime, sessionId: string, limit = 50): Promise<readonly EventView[]> {
  const all: EventView[] = []
  for (let after = '0'; ; ) {
    const { events, cursor } = await runtime.events({ sessionId, after, limit })
    if (events.length === 0) return all
    all.push(...events)
    after = cursor
  }
}

/** Waits for an event; `matching` says which one of its type. */
export async function until(
  runtime: Runtime,
  sessionId: string,
  type: string,
  matching: (event: EventView) => boolean = () => true,
): Promise<EventView> {
  for (let after = '0'; ; ) {
    const { events, cursor } = await runtime.events({ sessionId, after, waitMs: 10_000 })
    const found = events.find(event => event.type === type && matching(event))
    if (found !== undefined) return found
    if (events.length === 0) throw new Error(`no ${type} came`)
    after = cursor
  }
}

/** The types of events, in order, of those that start with one of these. */
export function typesOf(events: readonly EventView[], ...families: readonly string[]): readonly string[] {
  return events.map(({ type }) => type).filter(type => families.some(family => type.startsWith(family)))
}

/** The error that a promise fails with. */
export async function failureOf(promise: Promise<unknown>): Promise<MeerkatError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof MeerkatError) return error
    throw error
  }
  throw new Error('it did not fail')
}

/** The code that a promise fails with; `undefined` if it doesn't. */
export async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(
    () => undefined,
    (error: unknown) => (error instanceof MeerkatError ? error.code : String(error)),
  )
}

export const LONG_MS = 15_000

/** What lies on disk of a database now, as its next owner would find it after the death of this one. */
export function crashed(path: string): string {
  const copy = freshPath()
  for (const ending of ['', '-wal']) if (existsSync(path + ending)) copyFileSync(path + ending, copy + ending)
  const db = new DatabaseSync(copy)
  db.exec('DELETE FROM owners')
  db.close()
  return copy
}
