/**
 * Model routing: the effective model, for how long, and why.
 *
 * Enforces: an image operation has precedence over a switch for some turns, and that over the baseline; at most one of each
 * is in effect; every requested switch and image operation ends once, and its end is emitted. The newest 64 ends are kept
 * for later queries. Switches that wait or count turns are facts and survive their process. What a process has in progress
 * ends with it: a lasting switch that was being applied is interrupted, an image operation fails and its override ends;
 * a completed one keeps its end. The same happens when the executor leaves. An image's override ends with its run.
 */

import type { Satellite } from '../../core.ts'
import { rowsAbout } from '../../region.ts'
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
  classified,
  classify,
  completeImage,
  completeReconfigure,
  countTurn,
  cutOff,
  denialOf,
  deniedApproval,
  denyImage,
  denySwitch,
  hasImageOverride,
  imageHoldingOverride,
  imageInOverride,
  imageMoved,
  imageUnderWay,
  isApprovalUnavailable,
  isClassifiedSo,
  isCounted,
  isForSomeTurns,
  isNewImage,
  isNewSwitch,
  isOtherBaseline,
  isSwitching,
  knowsBaseline,
  losesTransport,
  needsOverride,
  noImageOverride,
  overrideUsedUp,
  overrideWithTurnsLeft,
  plannedImage,
  restoreImage,
  restoreTurn,
  setBaseline,
  statusAndEnds,
  switchBeingApplied,
  switchForTurns,
} from './rules.ts'
import type { Sees } from './sees.ts'
import { activeImage, endImage, imagesOf, NO_ROUTING, type Routing, remembering, withImage } from './state.ts'

const SWITCH = [knowsBaseline, isNewSwitch]
/** The guards of a switch for some turns. `isForSomeTurns` is last, so that a refusal names another reason first. */
const FINITE = [...SWITCH, isForSomeTurns]
const IMAGE = [knowsBaseline, isNewImage]

const aboutRouting = rowsAbout<Sees, Routing, RoutingEffect, LifecyclePhase>()
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
    aboutRouting({
      name: 'denied',
      from: OPEN,
      about: deniedApproval,
      when: FINITE,
      then: denySwitch('deniedDuringApproval'),
      emit: [statusAndEnds, denialOf('switch')],
    }),
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
    aboutRouting({
      name: 'denied',
      from: OPEN,
      about: deniedApproval,
      when: SWITCH,
      then: denySwitch('deniedDuringApproval'),
      emit: [statusAndEnds, denialOf('switch')],
    }),
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
    aboutRouting({
      name: 'applied',
      from: OPEN,
      about: switchBeingApplied,
      then: completeReconfigure,
      emit: [statusAndEnds],
    }),
  ],
  AdmitModelRoutingAssistantTurn: [
    aboutRouting({
      name: 'activates',
      from: OPEN,
      about: switchForTurns,
      then: activate,
      emit: [
        (_, __, ___, { requestId, target }) => ({ type: 'SwitchTurnFiniteOverrideActivated', requestId, target }),
        statusAndEnds,
      ],
    }),
    { name: 'again', from: OPEN, when: [isCounted] },
    aboutRouting({ name: 'counts', from: OPEN, about: overrideWithTurnsLeft, then: countTurn }),
    aboutRouting({
      name: 'restores',
      from: OPEN,
      about: overrideUsedUp,
      then: restoreTurn,
      emit: [statusAndEnds],
    }),
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
    aboutRouting({
      name: 'denied',
      from: OPEN,
      about: deniedApproval,
      when: IMAGE,
      then: denyImage('deniedDuringApproval'),
      emit: [statusAndEnds, denialOf('image')],
    }),
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
      emit: [imageMoved('planResolved')],
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
    aboutRouting({
      name: 'activated',
      from: OPEN,
      about: plannedImage,
      when: [needsOverride, noImageOverride],
      then: activateImage,
      emit: [imageMoved('scopedOverrideActive'), statusAndEnds],
    }),
  ],
  ClassifyImageOperationTerminal: [
    aboutRouting({ name: 'classified', from: OPEN, about: imageUnderWay, then: classify, emit: [classified] }),
  ],
  CompleteImageOperation: [
    aboutRouting({
      name: 'over',
      from: OPEN,
      about: plannedImage,
      when: [isClassifiedSo],
      then: completeImage(endImage),
      emit: [statusAndEnds],
    }),
    aboutRouting({
      name: 'restoring',
      from: OPEN,
      about: imageInOverride,
      when: [isClassifiedSo],
      then: completeImage(withImage),
      emit: [imageMoved('restoringScopedOverride')],
    }),
  ],
  RestoreImageOperationOverride: [
    aboutRouting({
      name: 'restored',
      from: OPEN,
      about: imageHoldingOverride,
      then: restoreImage,
      emit: [statusAndEnds],
    }),
  ],
}

/** Sets the baseline to the session's new model. */
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
