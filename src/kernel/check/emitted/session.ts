/** When the effects of a session's life are emitted: its phases, its registration, its placement. */
import type { SessionEffect } from '../../regions/lifecycle/effect.ts'
import type { MeerkatState } from '../../state.ts'
import { given, once, type Rule, type Rules, type Stepped } from './rule.ts'

type SessionRules = Rules<SessionEffect['type'] | 'ResolveAdmission'>

const runtimeOf = ({ binding }: MeerkatState): readonly { readonly runtimeId: string }[] =>
  binding.phase === 'bound' ? [{ runtimeId: binding.runtimeId }] : []
const openOf = ({ registration }: MeerkatState): readonly string[] =>
  registration.phase === 'draining'
    ? (['loop', 'comms', 'waiters'] as const).filter(name => registration.drain[name] === 'open')
    : []

/** A teardown begins: each of its obligations is asked for once. */
const asTeardownBegins = <Type extends SessionEffect['type']>(what: string): Rule<Type> => ({
  when: `exactly when a teardown begins, to have ${what}`,
  expected: ({ before, after }) =>
    once(before.registration.phase !== 'draining' && after.registration.phase === 'draining', () => ({})),
})

/** The notice about the session that a step has to emit. */
function noticeOf({ before, input, after }: Stepped) {
  const wasStopped = before.lifecycle.phase === 'stopped'
  const isStopped = after.lifecycle.phase === 'stopped'
  switch (input.type) {
    case 'Recover':
      return 'Recover'
    case 'Reset':
      return 'Reset'
    case 'StopRuntimeExecutor':
      return wasStopped ? undefined : 'Stop'
    case 'RuntimeExecutorExited':
      return !wasStopped && isStopped ? 'Exit' : undefined
    case 'Resume':
      return wasStopped && !isStopped ? 'Resume' : undefined
    default:
      return undefined
  }
}

export const sessionRules: SessionRules = {
  RuntimeNotice: {
    when: 'when a session is recovered, reset, asked to stop, left by its executor or resumed',
    expected: step => {
      const notice = noticeOf(step)
      return notice === undefined ? [] : [{ notice }]
    },
  },
  RuntimeEffectFact: {
    when: 'when the executor of a session that goes on is to stop, with the reason',
    expected: step => {
      const asked = given(step, 'StopRuntimeExecutor')
      if (asked === undefined || step.before.lifecycle.phase === 'stopped') return []
      return [{ fact: 'StopRuntimeExecutor', reason: asked.reason }]
    },
  },
  RuntimeBound: {
    when: 'exactly when a placement is made or made exact',
    expected: ({ before, input, after }) =>
      input.type === 'PrepareBindings' && before.binding !== after.binding && after.binding.phase === 'bound'
        ? [{ runtimeId: after.binding.runtimeId, fence: after.binding.fence }]
        : [],
  },
  RuntimeRetired: {
    when: 'when a session that is placed retires',
    expected: ({ before, input }) => (input.type === 'Retire' ? runtimeOf(before) : []),
  },
  RuntimeDestroyed: {
    when: 'exactly when a session that is placed is destroyed',
    expected: ({ before, after }) =>
      before.lifecycle.phase !== 'destroyed' && after.lifecycle.phase === 'destroyed' ? runtimeOf(before) : [],
  },
  InitiateRecycle: {
    when: 'when a session is recycled',
    expected: ({ input }) => once(input.type === 'Recycle', () => ({})),
  },
  SessionRegistered: {
    when: 'exactly when a host registers a session that was not registered in this way',
    expected: step => {
      const { before, after } = step
      const asked = given(step, 'RegisterSession')
      const isNew = before.registration.sessionId === undefined || before.registration.sessionId !== asked?.sessionId
      if (asked === undefined || after.registration.sessionId !== asked.sessionId || !isNew) return []
      return [{ sessionId: asked.sessionId }]
    },
  },
  SessionRegistrationRejected: {
    when: 'when a registration meets a teardown or another epoch, with what stands in its way',
    expected: step => {
      const { before } = step
      const asked = given(step, 'RegisterSession')
      const { phase, sessionId } = before.registration
      if (asked === undefined || sessionId === undefined) return []
      const seen = { open: openOf(before), registeredEpoch: before.binding.epochId, attemptedEpoch: asked.epochId }
      if (phase === 'draining') return [{ reason: 'UnregisterTeardownInProgress', ...seen }]
      if (sessionId !== asked.sessionId || before.binding.epochId === asked.epochId) return []
      return [{ reason: 'RuntimeEpochConflict', ...seen }]
    },
  },
  RequestRuntimeLoopStopForUnregister: asTeardownBegins('the loop stop'),
  RequestCommsDrainExitForUnregister: asTeardownBegins('the comms drain exit'),
  RequestCompletionWaiterResolutionForUnregister: asTeardownBegins('the waiters answered'),
  ResolveAdmission: {
    when: 'when work is routed to the placement that it names',
    expected: step => {
      const routed = given(step, 'Ingest')
      const { binding: placed } = step.before
      if (routed === undefined || placed.phase === 'unbound') return []
      return [{ runtimeId: placed.runtimeId, workId: routed.workId, origin: routed.origin }]
    },
  },
}
