/**
 * Model routing: which model is asked, for how long, and why.
 *
 * Enforces: an image operation goes before a switch for some turns, and that before the baseline; at most one of each is
 * in effect; every switch and every image operation that was asked for ends once, and its end is said. Ended ones are
 * kept for whoever asks later, the newest 64. Switches that wait or count turns are facts and outlive their process.
 * What a process was in the middle of ends with it: a lasting switch that was being applied is interrupted, an image
 * operation has failed, and its override is gone; one that was completed keeps its end. The same happens when the
 * executor leaves. No override of an image outlives its run.
 */

import type { Satellite } from '../../core.ts'
import { isRegistered } from '../guards.ts'
import type { LifecyclePhase } from '../lifecycle/state.ts'
import { resetTo } from '../lifetimes.ts'
import type { LlmInput } from '../llm/input.ts'
import type { SessionLlm } from '../llm/state.ts'
import { OPEN, SERVED } from '../phases.ts'
import type { RoutingEffect } from './effect.ts'
import type { RoutingInput } from './input.ts'
import { routingInWords } from './key.ts'
import {
  activate,
  activateImage,
  afterProcess,
  afterRun,
  allEnded,
  askToReconfigure,
  classify,
  completeImage,
  completeReconfigure,
  countTurn,
  cutOff,
  denialOf,
  denyImage,
  denySwitch,
  hasImageOverride,
  hasTurnsLeft,
  holdsOverride,
  imageMoved,
  isApprovalDenied,
  isApprovalUnavailable,
  isBeingApplied,
  isClassifiedSo,
  isCounted,
  isForSomeTurns,
  isNewImage,
  isNewSwitch,
  isOtherBaseline,
  isPlanned,
  isSwitching,
  isUnderWay,
  isUsedUp,
  knowsBaseline,
  losesTransport,
  needsOverride,
  noImageOverride,
  restoreImage,
  restoreTurn,
  setBaseline,
  statusAndEnds,
  waitsForTurn,
} from './rules.ts'
import type { Sees } from './sees.ts'
import { activeImage, imagesOf, NO_ROUTING, type Routing, remembering, withImage } from './state.ts'

const SWITCH = [knowsBaseline, isNewSwitch]
/** What is refused for another reason is a switch for some turns as well. */
const FINITE = [...SWITCH, isForSomeTurns]
const IMAGE = [knowsBaseline, isNewImage]

type Table = Satellite<Sees, RoutingInput | LlmInput, RoutingEffect, 'routing', LifecyclePhase>['on']

const switches: Table = {
  RequestFiniteSwitchTurn: [
    {
      name: 'unavailable',
      from: OPEN,
      when: [...FINITE, isApprovalUnavailable],
      then: denySwitch('approvalRequiredButUnavailable'),
      emit: [statusAndEnds],
    },
    {
      name: 'denied',
      from: OPEN,
      when: [...FINITE, isApprovalDenied],
      then: denySwitch('deniedDuringApproval'),
      emit: [statusAndEnds, denialOf('switch')],
    },
    {
      name: 'conflict',
      from: OPEN,
      when: [...FINITE, isSwitching],
      then: denySwitch('scopedOverrideConflict'),
      emit: [statusAndEnds],
    },
    {
      name: 'transport',
      from: OPEN,
      when: [...FINITE, losesTransport],
      then: denySwitch('realtimeTransportConflict'),
      emit: [statusAndEnds],
    },
    {
      name: 'accepted',
      from: OPEN,
      when: FINITE,
      then: (slice, { requestId, target, turns }) => ({
        ...slice,
        pending: { phase: 'pendingForBoundary', requestId, target, turns },
      }),
    },
  ],
  RequestUntilChangedSwitchTurn: [
    {
      name: 'unavailable',
      from: OPEN,
      when: [...SWITCH, isApprovalUnavailable],
      then: denySwitch('approvalRequiredButUnavailable'),
      emit: [statusAndEnds],
    },
    {
      name: 'denied',
      from: OPEN,
      when: [...SWITCH, isApprovalDenied],
      then: denySwitch('deniedDuringApproval'),
      emit: [statusAndEnds, denialOf('switch')],
    },
    {
      name: 'transport',
      from: OPEN,
      when: [...SWITCH, losesTransport],
      then: denySwitch('realtimeTransportConflict'),
      emit: [statusAndEnds],
    },
    {
      name: 'accepted',
      from: OPEN,
      when: SWITCH,
      then: askToReconfigure,
      emit: [
        statusAndEnds,
        (_, { requestId, target }) => ({ type: 'SwitchTurnPersistentReconfigureRequested', requestId, target }),
      ],
    },
  ],
  CompleteUntilChangedSwitchTurnReconfigure: [
    { name: 'applied', from: OPEN, when: [isBeingApplied], then: completeReconfigure, emit: [statusAndEnds] },
  ],
  AdmitModelRoutingAssistantTurn: [
    {
      name: 'activates',
      from: OPEN,
      when: [waitsForTurn],
      then: activate,
      emit: [
        ({ routing: { override } }) =>
          override === undefined
            ? []
            : { type: 'SwitchTurnFiniteOverrideActivated', requestId: override.requestId, target: override.target },
        statusAndEnds,
      ],
    },
    { name: 'again', from: OPEN, when: [isCounted] },
    { name: 'counts', from: OPEN, when: [hasTurnsLeft], then: countTurn },
    { name: 'restores', from: OPEN, when: [isUsedUp], then: restoreTurn, emit: [statusAndEnds] },
  ],
}

const images: Table = {
  BeginImageOperation: [
    {
      name: 'conflict',
      from: OPEN,
      when: [...IMAGE, hasImageOverride],
      then: denyImage('scopedOverrideConflict'),
      emit: [statusAndEnds],
    },
    {
      name: 'unavailable',
      from: OPEN,
      when: [...IMAGE, isApprovalUnavailable],
      then: denyImage('approvalRequiredButUnavailable'),
      emit: [statusAndEnds],
    },
    {
      name: 'denied',
      from: OPEN,
      when: [...IMAGE, isApprovalDenied],
      then: denyImage('deniedDuringApproval'),
      emit: [statusAndEnds, denialOf('image')],
    },
    {
      name: 'transport',
      from: OPEN,
      when: [...IMAGE, losesTransport],
      then: denyImage('realtimeTransportConflict'),
      emit: [statusAndEnds],
    },
    {
      name: 'planned',
      from: OPEN,
      when: IMAGE,
      then: (slice, { operationId, target, requiresScopedOverride }) =>
        withImage(slice, { phase: 'planResolved', operationId, target, requiresScopedOverride }),
      emit: [imageMoved],
    },
  ],
  DenyImageOperationPlan: [
    {
      name: 'denied',
      from: OPEN,
      when: [isRegistered, isNewImage],
      then: (slice, { operationId: id, denial, payload }) =>
        remembering(slice, {
          type: 'image',
          id,
          terminal: 'planDenied',
          denial,
          ...(payload !== undefined && { payload }),
        }),
      emit: [statusAndEnds],
    },
  ],
  ActivateImageOperationOverride: [
    {
      name: 'activated',
      from: OPEN,
      when: [needsOverride, noImageOverride],
      then: activateImage,
      emit: [imageMoved, statusAndEnds],
    },
  ],
  ClassifyImageOperationTerminal: [
    {
      name: 'classified',
      from: OPEN,
      when: [isUnderWay],
      then: classify,
      emit: [
        ({ routing }, { operationId }) => {
          const image = imagesOf(routing).find(one => one.operationId === operationId)
          if (image === undefined || image.phase === 'restoringScopedOverride' || !image.classified) return []
          return { type: 'ImageOperationTerminalClassified', operationId, ...image.classified }
        },
      ],
    },
  ],
  CompleteImageOperation: [
    { name: 'over', from: OPEN, when: [isClassifiedSo, isPlanned], then: completeImage, emit: [statusAndEnds] },
    { name: 'restoring', from: OPEN, when: [isClassifiedSo], then: completeImage, emit: [imageMoved] },
  ],
  RestoreImageOperationOverride: [
    { name: 'restored', from: OPEN, when: [holdsOverride], then: restoreImage, emit: [statusAndEnds] },
  ],
}

/** The baseline goes with the model that serves the session. */
function withModel(slice: Routing, { identity, surface }: SessionLlm, state: Sees): Routing {
  const target = { model: identity.model, realtime: surface?.realtime ?? false }
  return isOtherBaseline(state, { target }) ? setBaseline(slice, { target }) : slice
}

export const routing: Satellite<Sees, RoutingInput | LlmInput, RoutingEffect, 'routing', LifecyclePhase> = {
  name: 'routing',
  about: 'The effective model: the baseline, switches for some turns or for good, and image operations.',
  initial: NO_ROUTING,
  key: routingInWords,
  phaseOf: state => state.lifecycle.phase,
  phases: SERVED,
  on: {
    SetModelRoutingBaseline: [
      { name: 'set', from: SERVED, when: [isRegistered, isOtherBaseline], then: setBaseline, emit: [statusAndEnds] },
      { name: 'again', from: SERVED, when: [isRegistered] },
    ],
    ...switches,
    ...images,
  },
  lives: {
    run: { of: 'the override of an image operation', then: afterRun, emit: [statusAndEnds] },
    service: { of: 'what was under way', then: afterProcess, emit: [cutOff] },
    session: { ...resetTo(NO_ROUTING), emit: [allEnded] },
  },
  follow: {
    CommitStickyModelFallback: { then: withModel, emit: [statusAndEnds] },
    ReconfigureSessionLlmIdentity: {
      then: (slice, input, state) => (slice.baseline === undefined ? slice : withModel(slice, input, state)),
      emit: [statusAndEnds],
    },
  },
  invariants: [
    {
      id: 'one-image-override',
      text: 'the model of an image operation is asked exactly while that operation has its override, and only one has',
      holds: ({ routing: s }) => {
        const holding = imagesOf(s).filter(image => image.phase !== 'planResolved')
        return holding.length === (s.imageOverride === undefined ? 0 : 1) && holding[0] === activeImage(s)
      },
    },
    {
      id: 'overrides-need-a-baseline',
      text: 'whatever is switched can be restored: there is a baseline',
      holds: ({ routing: s }) =>
        s.baseline !== undefined || (s.pending === undefined && s.override === undefined && s.images.size === 0),
    },
    {
      id: 'overrides-last-some-turns',
      text: 'a switch for some turns has at least one left',
      holds: ({ routing: { override } }) => override === undefined || override.remaining > 0,
    },
    {
      id: 'routing-is-of-a-session',
      text: 'a session that is unregistered or destroyed routes nothing',
      holds: s =>
        (s.routing.baseline === undefined && s.routing.recent.length === 0) ||
        (isRegistered(s) && s.lifecycle.phase !== 'destroyed'),
    },
  ],
}
