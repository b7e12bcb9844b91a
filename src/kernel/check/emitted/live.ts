/** When the effects of realtime transports, product turns and live channels are emitted. */
import { mapGet } from '../../persistent-map.ts'
import type { LiveEffect } from '../../regions/live/effect.ts'
import type { LiveTransport, LiveVerdict } from '../../regions/live/state.ts'
import type { ProductTurnEffect } from '../../regions/product-turn/effect.ts'
import type { RealtimeEffect } from '../../regions/realtime/effect.ts'
import { boundEpoch } from '../../regions/realtime/state.ts'
import type { Expected, Rule, Rules, Stepped } from './rule.ts'
import { given, once } from './rule.ts'

type LiveRules = Rules<LiveEffect['type'] | ProductTurnEffect['type'] | RealtimeEffect['type']>

/** Conditions that end with their process, or with the session's id, end without an effect. */
function isOfRegion({ input }: Stepped): boolean {
  return !SILENT.includes(input.type)
}
const SILENT: readonly string[] = [
  'RegisterSession',
  'UnregisterSession',
  'Recover',
  'RuntimeExecutorExited',
  'Reset',
  'Recycle',
  'Resume',
  'StopRuntimeExecutor',
  'Retire',
  'Destroy',
]
const ROTATING = ['BeginRealtimeBinding', 'ReplaceRealtimeBinding']
const RECONNECTING = [
  'BeginRealtimeReconnectCycle',
  'ScheduleRealtimeReconnectRetry',
  'ExhaustRealtimeReconnectCycle',
  'ClearRealtimeReconnectProgress',
]

const realtime: Pick<LiveRules, RealtimeEffect['type']> = {
  RealtimeIntentProjected: {
    when: 'whenever a host reports whether it wants the session attached',
    expected: step => {
      const projected = given(step, 'ProjectRealtimeIntent')
      return projected === undefined ? [] : [{ present: projected.present }]
    },
  },
  RealtimeBindingRotated: {
    when: 'exactly when the binding gets another authority epoch, with the new one',
    expected: ({ before, input, after }) => {
      const authorityEpoch = boundEpoch(after.realtime.attachment)
      if (!ROTATING.includes(input.type) || authorityEpoch === undefined) return []
      return once(authorityEpoch === before.realtime.nextEpoch, () => ({ authorityEpoch }))
    },
  },
  RealtimeReconnectProgressProjected: {
    when: 'whenever it is said how reconnecting goes, with the attempts that were made',
    expected: ({
      input,
      after: {
        realtime: { attachment },
      },
    }) => {
      const cycle = attachment.state === 'ReattachRequired' ? attachment.cycle : undefined
      return once(RECONNECTING.includes(input.type), () => ({
        attemptCount: cycle?.state === 'Reconnecting' ? cycle.attempts : 0,
      }))
    },
  },
  LiveTopologyPhaseChanged: {
    when: 'exactly when a change of model under a binding comes further',
    expected: step => {
      const { phase } = step.after.realtime
      return once(phase !== step.before.realtime.phase && isOfRegion(step), () => ({ phase }))
    },
  },
}

const productTurn: Pick<LiveRules, ProductTurnEffect['type']> = {
  RealtimeProductTurnPhaseChanged: {
    when: 'exactly when a turn over the transport comes into another phase',
    expected: step => {
      const { phase } = step.after.productTurn
      return once(phase !== step.before.productTurn.phase && isOfRegion(step), () => ({ phase }))
    },
  },
  RealtimeProjectionFreshnessChanged: {
    when: 'exactly when what the transport is to be told changes',
    expected: step => {
      const [was, { freshness, frontierMs }] = [step.before.productTurn, step.after.productTurn]
      const isOther = freshness !== was.freshness || frontierMs !== was.frontierMs
      return once(isOther && isOfRegion(step), () => ({ freshness, frontierMs }))
    },
  },
  RealtimeReconnectPolicyChanged: {
    when: 'when it is said what a clean close of the transport means from now on',
    expected: step => {
      const { policy } = step.after.productTurn
      const isOther = policy !== step.before.productTurn.policy && isOfRegion(step)
      return once(isOther || step.input.type === 'ClassifyRealtimeTurnTerminated', () => ({ policy }))
    },
  },
}

/** A numbered verdict: emitted exactly when its number rises. */
const verdict = <Type extends LiveEffect['type']>(
  name: LiveVerdict,
  when: string,
  more: (step: Stepped) => Expected<Type> = () => ({}),
  says: (step: Stepped) => boolean = () => true,
): Rule<Type> => ({
  when,
  expected: step => {
    const sequence = step.after.live.verdicts[name]
    const isNew = sequence !== undefined && sequence > (step.before.live.verdicts[name] ?? 0)
    return isNew && says(step) ? [{ sequence, ...more(step) }] : []
  },
})

const TOKENS = {
  webrtc: {
    admission: 'ResolveLiveWebrtcAnswerAdmission',
    issue: 'RecordLiveWebrtcTokenIssued',
    errorClass: 'InvalidParams',
  },
  websocket: {
    admission: 'ResolveLiveWebsocketTokenAdmission',
    issue: 'RecordLiveWebsocketTokenIssued',
    errorClass: 'InvalidToken',
  },
} as const

const expiryOf = (transport: LiveTransport) => (step: Stepped) => {
  const issued = given(step, TOKENS[transport].issue)
  return issued === undefined ? {} : { expiresAtMs: issued.issuedAtMs + issued.ttlMs }
}

/** The verdict on a presented token: the first thing that is wrong with it, or its acceptance. */
const admissionOf =
  (transport: LiveTransport) =>
  (step: Stepped): object => {
    const shown = given(step, TOKENS[transport].admission)
    const { live, registration } = step.before
    if (shown === undefined) return {}
    const refused = (rejection: string): object => ({
      accepted: false,
      rejection,
      errorClass: TOKENS[transport].errorClass,
    })
    if (live.phase === 'unbound') return refused('ChannelNotBound')
    const isPair = live.channel.id === shown.channelId && registration.sessionId === shown.sessionId
    const entry = mapGet(live.channel.tokens, shown.token)
    if (entry?.transport === transport) {
      const isGood = !entry.spent && shown.observedAtMs <= entry.expiresAtMs
      if (isPair && isGood) return { accepted: true }
      if (entry.spent) return refused('TokenAlreadyConsumed')
      if (live.channel.id !== shown.channelId) return refused('TokenChannelMismatch')
      if (!isGood) return refused('TokenExpired')
    }
    return refused(isPair ? 'TokenNotFound' : 'ChannelNotBound')
  }

function openingOf(step: Stepped): object {
  const asked = given(step, 'ResolveLiveOpenAdmission')
  if (asked === undefined) return {}
  const isBound = step.after.live.phase === 'bound'
  const wasBound = step.before.live.phase === 'bound'
  if (isBound && !wasBound) return { admitted: true, boundLlmIdentity: asked.llmIdentity }
  return { admitted: false }
}
const isAbandoned = ({ input }: Stepped): boolean => input.type === 'AbandonLiveOpenAdmission'

const live: Pick<LiveRules, LiveEffect['type']> = {
  LiveOpenAdmissionResolved: verdict(
    'openAdmission',
    'when a channel is asked for: it is open, or the reason why not',
    openingOf,
    step => !isAbandoned(step),
  ),
  LiveOpenAdmissionAbandoned: verdict(
    'openAdmission',
    'when a channel is given up before it came to be',
    undefined,
    isAbandoned,
  ),
  LiveRefreshResultResolved: verdict('refreshResult', 'for each refresh that was queued', () => ({ status: 'Queued' })),
  LiveCloseResultResolved: verdict('closeResult', 'for each close that was seen', () => ({ status: 'Closed' })),
  LiveCommandResultResolved: verdict('commandResult', 'for each command that was accepted'),
  LiveCommandRejectionResolved: verdict('commandRejection', 'for each command that was refused', step => {
    const refused = given(step, 'RecordLiveCommandRejected')
    const isCallers = refused?.rejection === 'ChannelNotFound' || refused?.rejection === 'NoAdapter'
    return { errorClass: isCallers ? 'InvalidParams' : 'InternalError' }
  }),
  LiveChannelRequestRejectionResolved: verdict('requestRejection', 'for each request that was refused', step => {
    const refused = given(step, 'RecordLiveChannelRequestRejected')
    return { errorClass: refused?.rejection === 'InternalHostError' ? 'InternalError' : 'InvalidParams' }
  }),
  LiveChannelStatusResolved: verdict('channelStatus', 'for each status that was seen'),
  LiveWebrtcTokenIssued: verdict('webrtcTokenIssue', 'for each token that is handed out', expiryOf('webrtc')),
  LiveWebsocketTokenIssued: verdict('websocketTokenIssue', 'for each token that is handed out', expiryOf('websocket')),
  LiveWebrtcAnswerAdmissionResolved: verdict(
    'webrtcAnswerAdmission',
    'for each token that is presented',
    admissionOf('webrtc'),
  ),
  LiveWebsocketTokenAdmissionResolved: verdict(
    'websocketTokenAdmission',
    'for each token that is presented',
    admissionOf('websocket'),
  ),
  LiveWebrtcAnswerResultResolved: verdict('webrtcAnswerResult', 'for each answer that was accepted', () => ({
    answered: true,
  })),
}

export const liveRules: LiveRules = { ...realtime, ...productTurn, ...live }
