/** Orders: whatever is asked of a session, by whom and in which order, it is served afterwards and nothing is left behind. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { echo } from '../../src/executor/echo.ts'
import { createRuntime, MeerkatError, type Runtime } from '../../src/index.ts'
import { MeerkatMachine, type SessionId } from '../../src/runtime.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'

const S = 's' as SessionId

interface House {
  readonly machine: MeerkatMachine
  readonly other: Runtime
}

/** What may be asked of a session that is neither destroyed nor retired afterwards. */
const ASKS: Readonly<Record<string, (house: House) => unknown>> = {
  register: ({ machine }) => machine.registerSession(S),
  attach: ({ machine }) => machine.registerSessionWithExecutor(S, echo()),
  ensure: ({ machine }) => machine.ensureSessionWithExecutor(S, () => echo()),
  prepare: ({ machine }) => machine.prepareBindings(S),
  send: ({ machine }) => machine.acceptInput(S, { content: 'hi' }),
  sendQuietly: ({ machine }) => machine.acceptInputWithoutWake(S, { content: 'hi' }),
  cancel: ({ machine }) => machine.cancelAfterBoundary(S),
  hardCancel: ({ machine }) => machine.hardCancelCurrentRun(S),
  stop: ({ machine }) => machine.stopRuntimeExecutor(S),
  resume: ({ machine }) => machine.resume(S),
  reset: ({ machine }) => machine.reset(S),
  recycle: ({ machine }) => machine.recycle(S),
  recover: ({ machine }) => machine.recover(S),
  unregister: ({ machine }) => machine.unregisterSession(S),
  openElsewhere: ({ other }) => other.open({ sessionId: S }),
  sendElsewhere: ({ other }) => other.send(S, { content: 'from elsewhere' }),
  stopElsewhere: ({ other }) => other.control(S, 'stop'),
  explainElsewhere: ({ other }) => other.explain(S),
}

/** Groups of asks: those of a group at once, one group after the other. */
const groups = fc.array(fc.array(fc.constantFrom(...Object.keys(ASKS)), { minLength: 1, maxLength: 3 }), {
  minLength: 1,
  maxLength: 6,
})

async function asked(house: House, name: string): Promise<void> {
  try {
    await ASKS[name]?.(house)
  } catch (error) {
    if (!(error instanceof MeerkatError) || error.code === 'internal')
      throw new Error(`${name}: ${String(error)}`, { cause: error })
  }
}

test('a session is served after any order of what may be asked of it', { timeout: 300_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(groups, async order => {
      const folder = mkdtempSync(join(tmpdir(), 'meerkat-orders-'))
      const store = sqlite(join(folder, 'sessions.db'))
      const machine = await MeerkatMachine.persistent(store, { abortGraceMs: 50 })
      const other = await createRuntime({ store, executor: echo(), abortGraceMs: 50, recover: false })
      try {
        for (const group of order) await Promise.all(group.map(name => asked({ machine, other }, name)))
        await machine.ensureSessionWithExecutor(S, () => echo())
        await machine.resume(S)
        await machine.ensureSessionWithExecutor(S, () => echo())
        const { completion } = await machine.acceptInputWithCompletion(S, { content: 'are you well?' })
        expect(await completion).toMatchObject({ status: 'consumed' })
        expect(await machine.runtime.audit(S)).toMatchObject({ ok: true })
        await machine.unregisterSession(S)
        const sent = await other.send(S, { content: 'and here?', resume: true, waitMs: 10_000 })
        expect(sent).toMatchObject({ status: 'consumed' })
      } finally {
        await machine.close()
        await other.close()
        rmSync(folder, { recursive: true, force: true })
      }
    }),
    {
      // The same orders each time; MEERKAT_TEST_SEED and MEERKAT_TEST_RUNS draw others, and more.
      seed: Number(process.env['MEERKAT_TEST_SEED'] ?? 11),
      numRuns: Number(process.env['MEERKAT_TEST_RUNS'] ?? 40),
      // A reset while the host leaves.
      examples: [[[['register'], ['reset', 'unregister'], ['register']]]],
    },
  )
})
