/** Orders: whatever is asked of a session, by whom and in which order, it is served afterwards and nothing is left behind. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { echo } from '../../src/executor/echo.ts'
import { createRuntime, MeerkatError, type Runtime } from '../../src/index.ts'
import { MeerkatMachine, RuntimeBindingsError, type SessionId } from '../../src/runtime.ts'
import { memory } from '../../src/store/memory.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import type { Store, StoreSource } from '../../src/store/store.ts'

const S = 's' as SessionId
const INPUT = { content: 'hi' }

/** Everybody who has to do with the session: two hosts and two runtimes on one store, two of them from when they are asked. */
class House {
  readonly #store: StoreSource
  readonly #ends: (() => Promise<void>)[] = []
  readonly #made = new Map<string, Promise<unknown>>()

  constructor(store: StoreSource) {
    this.#store = store
  }

  get machine(): Promise<MeerkatMachine> {
    return this.#once('machine', () => MeerkatMachine.persistent(this.#store, { abortGraceMs: 50 }))
  }

  get neighbour(): Promise<MeerkatMachine> {
    return this.#once('neighbour', () => MeerkatMachine.persistent(this.#store, { abortGraceMs: 50 }))
  }

  /** Takes nothing up unasked. */
  get other(): Promise<Runtime> {
    const options = { store: this.#store, executor: echo(), abortGraceMs: 50, recover: false }
    return this.#once('other', () => createRuntime(options))
  }

  /** Takes up what nobody has. */
  get third(): Promise<Runtime> {
    const store: StoreSource = {
      name: this.#store.name,
      open: async () => {
        const opened = await this.#store.open()
        this.#thirds.push(opened)
        return opened
      },
    }
    return this.#once('third', () => createRuntime({ store, executor: echo(), abortGraceMs: 50, recoverEveryMs: 100 }))
  }

  readonly #thirds: Store[] = []

  /** The third ends without a word: what it had is nobody's from now on. */
  async dies(): Promise<void> {
    this.#made.delete('third')
    await Promise.all(this.#thirds.splice(0).map(store => store.close()))
  }

  /** The neighbour goes in good order, and comes again when it is asked for something. */
  async moves(): Promise<void> {
    const neighbour = this.#made.get('neighbour')
    this.#made.delete('neighbour')
    if (neighbour !== undefined) await ((await neighbour) as MeerkatMachine).close()
  }

  async end(): Promise<void> {
    for (const end of this.#ends) await end()
  }

  #once<T extends { readonly close: () => Promise<void> }>(name: string, make: () => Promise<T>): Promise<T> {
    const made = this.#made.get(name) as Promise<T> | undefined
    if (made !== undefined) return made
    const making = make()
    this.#made.set(name, making)
    this.#ends.push(async () => (await making).close().catch(() => {}))
    return making
  }
}

const ADA = { type: 'Message', peerId: 'ada' } as const
const ANSWER = {
  type: 'ResponseTerminal',
  routeIdentity: 'ada',
  displayIdentity: 'Ada',
  correlationId: '0190b6a4-5f3e-7c11-9a9e-0123456789ab',
  status: 'Completed',
} as const

/** What may be asked of a session that is not destroyed afterwards. */
const ASKS: Readonly<Record<string, (house: House) => unknown>> = {
  register: async ({ machine }) => (await machine).registerSession(S),
  attach: async ({ machine }) => (await machine).registerSessionWithExecutor(S, echo()),
  ensure: async ({ machine }) => (await machine).ensureSessionWithExecutor(S, () => echo()),
  prepare: async ({ machine }) => (await machine).prepareBindings(S),
  send: async ({ machine }) => (await machine).acceptInput(S, INPUT),
  sendQuietly: async ({ machine }) => (await machine).acceptInputWithoutWake(S, INPUT),
  steer: async ({ machine }) => (await machine).acceptInput(S, { ...INPUT, mode: 'steer' }),
  sendForAPeer: async ({ machine }) => (await machine).acceptInput(S, { ...INPUT, peer: ADA }),
  sendAnAnswer: async ({ machine }) => (await machine).acceptInput(S, { peer: ANSWER }),
  revive: async ({ machine }) => (await machine).acceptInput(S, { ...INPUT, resume: true }),
  sendPlainly: async ({ machine }) => (await machine).runtime.send(S, INPUT),
  cancel: async ({ machine }) => (await machine).cancelAfterBoundary(S),
  hardCancel: async ({ machine }) => (await machine).hardCancelCurrentRun(S),
  wake: async ({ machine }) => (await machine).wakeRuntimeIfActiveInputs(S),
  stop: async ({ machine }) => (await machine).stopRuntimeExecutor(S),
  resume: async ({ machine }) => (await machine).resume(S),
  reset: async ({ machine }) => (await machine).reset(S),
  recycle: async ({ machine }) => (await machine).recycle(S),
  retire: async ({ machine }) => (await machine).retire(S),
  recover: async ({ machine }) => (await machine).recover(S),
  unregister: async ({ machine }) => (await machine).unregisterSession(S),
  registerAside: async ({ neighbour }) => (await neighbour).registerSession(S),
  attachAside: async ({ neighbour }) => (await neighbour).registerSessionWithExecutor(S, echo()),
  sendAside: async ({ neighbour }) => (await neighbour).acceptInput(S, INPUT),
  stopAside: async ({ neighbour }) => (await neighbour).stopRuntimeExecutor(S),
  unregisterAside: async ({ neighbour }) => (await neighbour).unregisterSession(S),
  moveAway: house => house.moves(),
  openElsewhere: async ({ other }) => (await other).open({ sessionId: S }),
  sendElsewhere: async ({ other }) => (await other).send(S, { content: 'from elsewhere' }),
  reviveElsewhere: async ({ other }) => (await other).send(S, { content: 'from elsewhere', resume: true }),
  steerElsewhere: async ({ other }) => (await other).send(S, { content: 'from elsewhere', mode: 'steer' }),
  scheduleElsewhere: async ({ other }) => (await other).schedule(S, { content: 'tick', inMs: 20 }),
  updateElsewhere: async ({ other }) => (await other).update(S, { title: 'from elsewhere' }),
  cancelElsewhere: async ({ other }) => (await other).cancel(S, { queue: 'drop' }),
  stopElsewhere: async ({ other }) => (await other).control(S, 'stop'),
  resumeElsewhere: async ({ other }) => (await other).control(S, 'resume'),
  retireElsewhere: async ({ other }) => (await other).control(S, 'retire'),
  resetElsewhere: async ({ other }) => (await other).control(S, 'reset'),
  recycleElsewhere: async ({ other }) => (await other).control(S, 'recycle'),
  explainElsewhere: async ({ other }) => (await other).explain(S),
  openThird: async ({ third }) => (await third).open({ sessionId: S }),
  sendThird: async ({ third }) => (await third).send(S, { content: 'from a third' }),
  stopThird: async ({ third }) => (await third).control(S, 'stop'),
  die: house => house.dies(),
}

/** Groups of asks: those of a group at once, one group after the other. */
const groups = fc.array(fc.array(fc.constantFrom(...Object.keys(ASKS)), { minLength: 1, maxLength: 3 }), {
  minLength: 1,
  maxLength: Number(process.env['MEERKAT_TEST_LENGTH'] ?? 6),
})

async function asked(house: House, name: string): Promise<void> {
  try {
    await ASKS[name]?.(house)
  } catch (thrown) {
    const error = thrown instanceof RuntimeBindingsError ? thrown.cause : thrown
    if (!(error instanceof MeerkatError) || error.code === 'internal')
      throw new Error(`${name}: ${String(thrown)}`, { cause: thrown })
  }
}

/** Asks again as long as the answer is to do so, as somebody would who wants it. */
async function insist<T>(act: () => Promise<T>): Promise<T> {
  const answers: T[] = []
  const trying = async (): Promise<unknown> => {
    try {
      answers.push(await act())
      return 'done'
    } catch (error) {
      if (error instanceof MeerkatError && error.retryable) return `${error.code}: ${error.message}`
      throw error
    }
  }
  await expect.poll(trying, { timeout: 10_000, interval: 5 }).toBe('done')
  const [answer] = answers
  if (answer === undefined) throw new Error('no answer')
  return answer
}

/** The session is served by the host, then by a library; nobody waits for ever. */
async function served(house: House): Promise<void> {
  await house.moves()
  const [machine, other] = [await house.machine, await house.other]
  await insist(() => machine.ensureSessionWithExecutor(S, () => echo()))
  if (machine.runtimeState(S) === 'retired') {
    await expect.poll(() => machine.listActiveInputs(S), { timeout: 10_000 }).toEqual([])
    await machine.reset(S)
  }
  await machine.resume(S)
  await insist(() => machine.ensureSessionWithExecutor(S, () => echo()))
  const { completion } = await machine.acceptInputWithCompletion(S, { content: 'are you well?' })
  expect(await completion).toMatchObject({ status: 'consumed' })
  await machine.wakeRuntimeIfActiveInputs(S)
  await expect.poll(() => machine.listActiveInputs(S), { timeout: 10_000 }).toEqual([])
  expect(await machine.runtime.audit(S)).toMatchObject({ ok: true })
  await machine.unregisterSession(S)
  const sent = await other.send(S, { content: 'and here?', resume: true, waitMs: 10_000 })
  expect(sent).toMatchObject({ status: 'consumed' })
}

test('a session is served after any order of what may be asked of it', { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(groups, fc.boolean(), async (order, isOnDisk) => {
      const folder = mkdtempSync(join(tmpdir(), 'meerkat-orders-'))
      const house = new House(isOnDisk ? sqlite(join(folder, 'sessions.db')) : memory())
      try {
        await Promise.all([house.machine, house.other])
        for (const group of order) await Promise.all(group.map(name => asked(house, name)))
        await served(house)
      } finally {
        await house.end()
        rmSync(folder, { recursive: true, force: true })
      }
    }),
    {
      // The same orders each time; MEERKAT_TEST_SEED, _RUNS and _LENGTH draw others, more and longer ones.
      seed: Number(process.env['MEERKAT_TEST_SEED'] ?? 11),
      numRuns: Number(process.env['MEERKAT_TEST_RUNS'] ?? 40),
      // A reset while the host leaves.
      examples: [[[['register'], ['reset', 'unregister'], ['register']], true]],
    },
  )
})
