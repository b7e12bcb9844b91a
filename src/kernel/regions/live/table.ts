/**
 * Live channels: a client's channel to the session's realtime conversation, and the verdicts for its host's answers.
 *
 * Enforces: a session has one channel, opened only while the session takes work; each observation counts once and in
 * order; a one-time token is spent by success alone, so that presenting it on the wrong channel, too late or without
 * permission does not take it from its owner; tokens end with their channel.
 */

import type { ConditionSatellite } from '../../core.ts'
import { rowsAbout, rowsOf } from '../../region.ts'
import { admitsWork, isRegistered } from '../guards.ts'
import { resetTo } from '../lifetimes.ts'
import { OPEN, SERVED } from '../phases.ts'
import {
  ALL,
  BOUND,
  closeChannel,
  countVerdict,
  giveUpChannel,
  note,
  openChannel,
  pair,
  sequenceOf,
  WHILE_BOUND,
  WHILE_SERVED,
} from './changes.ts'
import type { LiveEffect, LiveErrorClass, LiveOpenRejection } from './effect.ts'
import type { LiveInput, OfPair } from './input.ts'
import { liveInWords } from './key.ts'
import {
  isBoundPair,
  isClosedToWork,
  isNamedChannel,
  isNewAnswer,
  isNewClose,
  isNewCommand,
  isNewestOrFirst,
  isNewRefresh,
  isNewStatus,
  isSoundStatus,
  isThisSession,
  knownChannel,
  type LiveInputOf,
} from './rules.ts'
import type { Sees } from './sees.ts'
import { type Live, type LiveStatus, NO_CHANNEL } from './state.ts'
import { admission, issue } from './tokens.ts'

function admitted(after: Sees, input: LiveInputOf<'ResolveLiveOpenAdmission'>): LiveEffect {
  const { llmIdentity: boundLlmIdentity } = input
  const numbered = sequenceOf(after, 'openAdmission')
  return { type: 'LiveOpenAdmissionResolved', ...pair(input), ...numbered, admitted: true, boundLlmIdentity }
}
const notAdmitted = (rejection: LiveOpenRejection) => ({
  then: countVerdict('openAdmission'),
  emit: [
    (after: Sees, input: OfPair): LiveEffect => ({
      type: 'LiveOpenAdmissionResolved',
      ...pair(input),
      ...sequenceOf(after, 'openAdmission'),
      admitted: false,
      rejection,
    }),
  ],
})

function commandErrorClass({ rejection }: LiveInputOf<'RecordLiveCommandRejected'>): LiveErrorClass {
  return rejection === 'ChannelNotFound' || rejection === 'NoAdapter' ? 'InvalidParams' : 'InternalError'
}
function requestErrorClass({ rejection }: LiveInputOf<'RecordLiveChannelRequestRejected'>): LiveErrorClass {
  return rejection === 'InternalHostError' ? 'InternalError' : 'InvalidParams'
}
function statusSeen({
  type: _,
  channelId: __,
  statusObservationSequence: sequence,
  ...status
}: LiveInputOf<'RecordLiveChannelStatus'>): { readonly sequence: number; readonly status: LiveStatus } {
  return { sequence, status }
}

const LIFE = resetTo<Live, Live['phase']>(NO_CHANNEL, ['bound'])

const aboutLive = rowsAbout<Sees, Live, LiveEffect, Live['phase']>()
const boundRow = rowsOf<Sees, Live, LiveEffect>()

export const live: ConditionSatellite<Sees, LiveInput, LiveEffect, 'live', Live['phase']> = {
  name: 'live',
  about:
    'The channel that a client holds of the session’s realtime conversation, its one-time tokens, and verdicts on it.',
  initial: NO_CHANNEL,
  condition: { atRest: ({ phase }) => phase === 'unbound' },
  key: liveInWords,
  phaseOf: state => state.live.phase,
  phases: ALL,
  on: {
    ResolveLiveOpenAdmission: [
      { name: 'closed', ...WHILE_SERVED, when: [isClosedToWork], ...notAdmitted('LifecycleClosed') },
      {
        name: 'admitted',
        from: ['unbound'],
        during: OPEN,
        when: [isThisSession, isNamedChannel, admitsWork],
        to: ['bound'],
        then: openChannel,
        emit: [admitted],
      },
      { name: 'taken', from: BOUND, during: OPEN, when: [isThisSession], ...notAdmitted('AlreadyBound') },
    ],
    AbandonLiveOpenAdmission: [
      boundRow({
        name: 'abandoned',
        ...WHILE_BOUND,
        when: [isBoundPair],
        to: ['unbound'],
        then: giveUpChannel,
        emit: [
          (after, input) => ({
            type: 'LiveOpenAdmissionAbandoned',
            ...pair(input),
            ...sequenceOf(after, 'openAdmission'),
          }),
        ],
      }),
    ],
    RecordLiveRefreshQueued: [
      aboutLive({
        name: 'queued',
        ...WHILE_SERVED,
        about: knownChannel,
        when: [isNewRefresh],
        then: note('refresh', 'refreshResult', ({ queueAcceptanceSequence: sequence }) => ({ sequence })),
        emit: [
          (after, { channelId, queueAcceptanceSequence }) => {
            const numbered = sequenceOf(after, 'refreshResult')
            return {
              type: 'LiveRefreshResultResolved',
              channelId,
              status: 'Queued',
              queueAcceptanceSequence,
              ...numbered,
            }
          },
        ],
      }),
    ],
    RecordLiveCloseClosed: [
      {
        name: 'closed',
        ...WHILE_BOUND,
        when: [isBoundPair, isNewClose],
        to: ['unbound'],
        then: closeChannel,
        emit: [closeResolved],
      },
      // The channel that closed or failed last may be reported as closed again, each time with a higher number. An unknown
      // channel may have been the last one of the former process.
      {
        name: 'again',
        from: ['unbound'],
        during: SERVED,
        when: [isNewestOrFirst, isNewClose],
        then: closeChannel,
        emit: [closeResolved],
      },
    ],
    RecordLiveCommandAccepted: [
      aboutLive({
        name: 'accepted',
        ...WHILE_SERVED,
        about: knownChannel,
        when: [isNewCommand],
        then: note('command', 'commandResult', ({ commandAcceptanceSequence: sequence }) => ({ sequence })),
        emit: [
          (after, { channelId, command, commandAcceptanceSequence }) => {
            const numbered = sequenceOf(after, 'commandResult')
            return { type: 'LiveCommandResultResolved', channelId, command, commandAcceptanceSequence, ...numbered }
          },
        ],
      }),
    ],
    RecordLiveCommandRejected: [
      {
        name: 'rejected',
        ...WHILE_SERVED,
        when: [isNamedChannel],
        then: countVerdict('commandRejection'),
        emit: [
          (after, input) => ({
            ...input,
            type: 'LiveCommandRejectionResolved',
            errorClass: commandErrorClass(input),
            ...sequenceOf(after, 'commandRejection'),
          }),
        ],
      },
    ],
    RecordLiveChannelRequestRejected: [
      {
        name: 'rejected',
        ...WHILE_SERVED,
        when: [isNamedChannel],
        then: countVerdict('requestRejection'),
        emit: [
          (after, input) => ({
            ...input,
            type: 'LiveChannelRequestRejectionResolved',
            errorClass: requestErrorClass(input),
            ...sequenceOf(after, 'requestRejection'),
          }),
        ],
      },
    ],
    RecordLiveChannelStatus: [
      aboutLive({
        name: 'observed',
        ...WHILE_SERVED,
        about: knownChannel,
        when: [isNewStatus, isSoundStatus],
        then: note('status', 'channelStatus', statusSeen),
        emit: [
          (after, input) => ({ ...input, type: 'LiveChannelStatusResolved', ...sequenceOf(after, 'channelStatus') }),
        ],
      }),
    ],
    RecordLiveWebrtcTokenIssued: issue('webrtc'),
    RecordLiveWebsocketTokenIssued: issue('websocket'),
    ResolveLiveWebrtcAnswerAdmission: admission('webrtc'),
    ResolveLiveWebsocketTokenAdmission: admission('websocket'),
    RecordLiveWebrtcAnswerAccepted: [
      aboutLive({
        name: 'answered',
        ...WHILE_BOUND,
        about: knownChannel,
        when: [isBoundPair, isNewAnswer],
        then: note('answer', 'webrtcAnswerResult', ({ answerObservationSequence: sequence }) => ({ sequence })),
        emit: [
          (after, input) => ({
            ...input,
            type: 'LiveWebrtcAnswerResultResolved',
            answered: true,
            ...sequenceOf(after, 'webrtcAnswerResult'),
          }),
        ],
      }),
    ],
  },
  lives: { process: LIFE, session: LIFE },
  follow: {},
  invariants: [
    {
      id: 'live-channel-needs-a-registered-session',
      text: 'an unregistered or destroyed session has no live channel',
      holds: s => s.live.phase === 'unbound' || (isRegistered(s) && s.lifecycle.phase !== 'destroyed'),
    },
  ],
}

function closeResolved(after: Sees, input: LiveInputOf<'RecordLiveCloseClosed'>): LiveEffect {
  const { closeObservationSequence } = input
  const numbered = sequenceOf(after, 'closeResult')
  return { type: 'LiveCloseResultResolved', ...pair(input), status: 'Closed', closeObservationSequence, ...numbered }
}
