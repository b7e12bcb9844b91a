/** The first things that are asked of a session, all at once: whoever comes first, it is loaded once and goes on. */
import { expect, onTestFinished, test } from 'vitest'
import { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import { createRuntime } from '../../src/index.ts'
import type { SessionId } from '../../src/kernel/ids.ts'
import type { RuntimeObserver } from '../../src/observer.ts'
import { postgres } from '../../src/store/postgres/index.ts'
import type { StoreSource } from '../../src/store/store.ts'
import { Random } from '../../src/testing/sim/random.ts'
import { freshStore, STORES } from '../session/support.ts'
import { freshSchema, postgresServer } from '../support/postgres.ts'
import { answering } from './support/machines.ts'

/** How a session may be asked for first, of a machine. */
const ASK = {
  register: (m, id) => m.registerSession(id),
  ensure: (m, id) => m.ensureSessionWithExecutor(id, answering),
  attach: (m, id) => m.registerSessionWithExecutor(id, answering()),
  prepare: (m, id) => m.prepareBindings(id),
  local: (m, id) => m.prepareLocalSessionBindings(id),
  place: (m, id) => m.prepareBindings(id, { runtimeId: 'r' as never, fence: 1, generation: 1 }),
  open: (m, id) => m.runtime.open({ sessionId: id }),
  history: (m, id) => m.runtime.history(id, {}).catch(ignore),
  send: (m, id) => m.runtime.send(id, { content: 'early' }).catch(ignore),
  resume: (m, id) => m.runtime.control(id, 'resume').catch(ignore),
} satisfies Record<string, (machine: MeerkatMachine, id: SessionId) => Promise<unknown>>
type Way = keyof typeof ASK
const WAYS = Object.keys(ASK) as Way[]

/** Those that only make sense of a session that is there may find none. */
function ignore(): void {}

/** Counts the copies of each session that are there at once, and says how many there were at most. */
function claims(): { readonly observer: RuntimeObserver; readonly of: (id: string) => number } {
  const now = new Map<string, number>()
  const most = new Map<string, number>()
  const observer: RuntimeObserver = {
    lease: ({ sessionId, event }) => {
      const copies = (now.get(sessionId) ?? 0) + (event === 'claimed' ? 1 : event === 'released' ? -1 : 0)
      now.set(sessionId, copies)
      most.set(sessionId, Math.max(copies, most.get(sessionId) ?? 0))
    },
  }
  return { observer, of: id => most.get(id) ?? 0 }
}

const pairs = WAYS.flatMap(one => WAYS.map(other => [one, other] as const))

const SOURCES: readonly [string, () => Promise<StoreSource>][] = [
  ...STORES.map((kind): [string, () => Promise<StoreSource>] => [kind, () => Promise.resolve(freshStore(kind))]),
  ['postgres', async () => postgres((await postgresServer()).url(), { schema: freshSchema() })],
]

test.each(SOURCES)('any two or three first calls of a machine at once load a session once (%s)', async (_, open) => {
  const { observer, of } = claims()
  const machine = await MeerkatMachine.persistent(await open(), { observer, keepIdle: 10_000 })
  onTestFinished(() => machine.close())
  const seed = Math.floor(Math.random() * 1e9)
  const random = new Random(seed)
  const triples = Array.from({ length: 40 }, () => [1, 2, 3].map(() => WAYS[random.int(WAYS.length)] ?? 'register'))
  const wrong: string[] = []
  for (const [index, ways] of [...pairs, ...triples].entries()) {
    const id = `s${index}` as SessionId
    const said = await Promise.allSettled(ways.map(way => ASK[way](machine, id)))
    await machine.ensureSessionWithExecutor(id, answering)
    const { completion } = await machine.acceptInputWithCompletion(id, { content: 'x' })
    const { status } = await completion
    const failed = said.flatMap(one => (one.status === 'rejected' ? [String(one.reason)] : []))
    if (status !== 'consumed' || of(id) > 1 || failed.length > 0) {
      wrong.push(`${ways.join('+')}: ${status}, ${of(id)} copies, ${failed.join('; ')}`)
    }
  }
  expect(wrong, `seed ${seed}`).toEqual([])
})

test.each(STORES)('a session that was stopped is revived once, however many ask for it at once (%s)', async kind => {
  const source = freshStore(kind)
  const ids = pairs.map((_, index) => `s${index}` as SessionId)
  const first = await MeerkatMachine.persistent(source, { keepIdle: 10_000 })
  for (const id of ids) {
    await first.registerSessionWithExecutor(id, answering())
    await first.stopRuntimeExecutor(id)
  }
  await first.close()
  const { observer, of } = claims()
  await using machine = await MeerkatMachine.persistent(source, { observer, keepIdle: 10_000 })
  const wrong: string[] = []
  for (const [index, ways] of pairs.entries()) {
    const id = `s${index}` as SessionId
    await Promise.allSettled(ways.map(way => ASK[way](machine, id)))
    await machine.ensureSessionWithExecutor(id, answering)
    await machine.resume(id)
    const { completion } = await machine.acceptInputWithCompletion(id, { content: 'x' })
    const { status } = await completion
    if (status !== 'consumed' || of(id) !== 1) wrong.push(`${ways.join('+')}: ${status}, ${of(id)} copies`)
  }
  expect(wrong).toEqual([])
})

test.each(STORES)('openers and senders of a runtime at once find one session (%s)', async kind => {
  const { observer, of } = claims()
  const runtime = await createRuntime({ store: freshStore(kind), executor: answering(), observer })
  onTestFinished(() => runtime.close())
  for (let index = 0; index < 20; index++) {
    const id = `s${index}`
    const handles = await Promise.all([1, 2, 3].map(() => runtime.sessions.open(id)))
    const sent = await Promise.all(handles.map(handle => handle.send('x')))
    for (const one of sent) expect(await one.result).toMatchObject({ status: 'consumed' })
    expect(of(id)).toBe(1)
  }
})
