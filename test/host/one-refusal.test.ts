/** A refusal is told alike, whichever door it comes through: what is in the way decides on the code, and is named. */
import { MeerkatError } from 'meerkat-ts'
import { afterEach, expect, test } from 'vitest'
import { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import { DslTransitionError } from '../../src/kernel/authority.ts'
import type { LiveChannelId, RunId, SessionId } from '../../src/kernel/ids.ts'

const S = 's' as SessionId
const FAST = { model: 'fast', realtime: false }

const open: MeerkatMachine[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map(machine => machine.close()))
})

async function registered(): Promise<MeerkatMachine> {
  const machine = await MeerkatMachine.ephemeral({})
  open.push(machine)
  await machine.registerSession(S)
  return machine
}

async function refused(act: () => Promise<unknown>): Promise<MeerkatError> {
  const error: unknown = await act().catch((thrown: unknown) => thrown)
  if (error instanceof MeerkatError) return error
  throw new Error(`expected a refusal, got ${String(error)}`)
}

test('a phase of the session that is in the way is `not-ready` for operations, host and models alike', async () => {
  const machine = await registered()
  const { runtime, models } = machine
  await runtime.control(S, 'destroy')
  for (const act of [
    () => machine.setSessionSilentIntents(S, ['a']),
    () => models.configureModelRoutingBaseline(S, FAST),
    () => models.clearSessionLlmState(S),
    () => models.stagePersistentFilter(S, { type: 'all' }, []),
    () => models.completeUntilChangedSwitchTurn(S, 'x'),
    () => runtime.control(S, 'resume'),
    () => runtime.call('session/reset', { sessionId: S }),
  ]) {
    const error = await refused(act)
    const { code, details } = error
    expect({ code, details }).toMatchObject({
      code: 'not-ready',
      details: {
        kind: 'no-matching-transition',
        phase: 'destroyed',
        reason: expect.stringContaining('destroyed') as string,
      },
    })
    expect(error.message).toContain('`session/open`')
  }
})

test('a guard that is in the way is `rejected`, and it is the one that is named', async () => {
  const machine = await registered()
  const runId = 'r' as RunId
  const late = await refused(() => machine.commitServiceTurnTerminalReceipt(S, runId))
  expect(late).toMatchObject({ code: 'rejected', details: { reason: expect.any(String) as string } })
  const stale = { provider: 'a', model: 'b' }
  const fallback = { runId, retryAttempt: 1, identity: stale, previous: { identity: stale } }
  const none = await refused(() => machine.models.commitStickyModelFallback(S, fallback))
  expect(none).toMatchObject({ code: 'rejected', details: { kind: 'guard-rejected', guard: 'isCurrentRun' } })
  expect(none.message).toMatch(/^the model was refused: the run is not the current one/)
})

test('a phase of what the request is about is `rejected` with that phase', async () => {
  const machine = await registered()
  const error = await refused(() => machine.live.abandonOpenAdmission(S, 'c' as LiveChannelId))
  expect(error).toMatchObject({
    code: 'rejected',
    details: {
      kind: 'no-matching-transition',
      region: expect.any(String) as string,
      own: expect.any(String) as string,
    },
  })
})

test('a handle keeps its error, which has the same facts', async () => {
  const machine = await registered()
  const { modelRouting } = await machine.prepareBindings(S)
  await machine.runtime.control(S, 'destroy')
  const error: unknown = await modelRouting.setBaseline(FAST).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(DslTransitionError)
  expect(error).toMatchObject({ kind: 'no-matching-transition', refusal: { phase: 'destroyed' } })
})
