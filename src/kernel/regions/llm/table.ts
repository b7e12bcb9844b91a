/**
 * The model that serves the session, and what it can do; and the model of the newest request, which may be another one
 * for as long as an input, a switch or an image operation has the say.
 *
 * Enforces: a model takes the place of exactly the one that whoever asked for it saw; a fallback that stays is taken
 * only while its run recovers from the very failure it was chosen for. What the model's abilities leave of the tools
 * follows from the surface of the one that is asked (`capabilityBaseFilter`) and is never said apart from it; where
 * nobody could say what a model can do, nothing is held back. A model that is named takes the place of the one that was
 * asked last. In the same step visibility gives
 * the change a revision if an image tool appears or goes, and routing moves its baseline. A process that takes over
 * finds the model as it was.
 */

import type { Satellite } from '../../core.ts'
import { isCurrentRun, isRegistered } from '../guards.ts'
import { resetTo } from '../lifetimes.ts'
import { OPEN, SERVED } from '../phases.ts'
import type { LlmEffect } from './effect.ts'
import type { LlmInput } from './input.ts'
import type { Sees } from './sees.ts'
import {
  capabilityBaseFilter,
  isLlm,
  type KnownLlm,
  type Llm,
  llmOf,
  NO_LLM,
  requesting,
  type SessionLlm,
  sameFields,
  surfaceOf,
} from './state.ts'

type Fallback = Extract<LlmInput, { readonly type: 'CommitStickyModelFallback' }>
type Seeing = Extract<LlmInput, { readonly type: 'ReconfigureSessionLlmIdentity' }> | Fallback

/**
 * Who attached an executor has bound the session to a runtime before its model changes. Naming the model that it was
 * built with needs no runtime: placing, attaching and naming come in any order.
 */
function isBoundWhereAttached({ lifecycle: { phase }, binding }: Sees): boolean {
  return (phase !== 'attached' && phase !== 'running') || binding.phase === 'bound'
}
function sawPrevious({ llm: slice }: Sees, { previous }: Seeing): boolean {
  return isLlm(slice, previous)
}
function recoversFromAttempt({ turn }: Sees, { retryAttempt }: Fallback): boolean {
  return turn.phase === 'errorRecovery' && turn.retry.attempt === retryAttempt
}
function hasItsOwnProfile(_: Sees, { identity, surface, profile }: Fallback): boolean {
  if (surface === undefined) return profile === undefined
  return profile?.provider === identity.provider && profile.model === identity.model
}

const become = (_: Llm, { identity, surface }: SessionLlm): KnownLlm =>
  llmOf({ identity, ...(surface !== undefined && { surface }) })
const standIn = (slice: Llm, input: SessionLlm): Llm => ({ ...become(slice, input), standsIn: true })

function planResolved(after: Sees, _: unknown, before: Sees): LlmEffect {
  const previousSurface = surfaceOf(before.llm)
  const currentSurface = surfaceOf(after.llm)
  const activeVisibilityRevision = after.visibility.active.revision
  return {
    type: 'SessionLlmReconfigurePlanResolved',
    ...(previousSurface && { previousSurface }),
    ...(currentSurface && { currentSurface }),
    capabilityChanged: !sameFields(previousSurface, currentSurface),
    previousBaseFilter: capabilityBaseFilter(before.llm),
    currentBaseFilter: capabilityBaseFilter(after.llm),
    committedVisibleSetChanged: activeVisibilityRevision !== before.visibility.active.revision,
    activeVisibilityRevision,
  }
}

const ALL = ['unknown', 'unresolved', 'resolved'] as const
const KNOWN = ['unresolved', 'resolved'] as const

export const llm: Satellite<Sees, LlmInput, LlmEffect, 'llm', Llm['phase']> = {
  name: 'llm',
  about:
    'Which model serves the session and what it can do, when it is changed and when another one stays in its place.',
  initial: NO_LLM,
  phaseOf: state => state.llm.phase,
  phases: ALL,
  on: {
    HydrateSessionLlmState: [
      {
        name: 'hydrated',
        from: ALL,
        during: SERVED,
        when: [isRegistered],
        to: KNOWN,
        then: become,
      },
    ],
    ReconfigureSessionLlmIdentity: [
      {
        name: 'reconfigured',
        from: ALL,
        during: OPEN,
        when: [isRegistered, isBoundWhereAttached, sawPrevious],
        to: ['resolved'],
        then: become,
        emit: [planResolved],
      },
    ],
    CommitStickyModelFallback: [
      {
        name: 'stays',
        from: ALL,
        during: ['running'],
        when: [isRegistered, isCurrentRun, recoversFromAttempt, sawPrevious, hasItsOwnProfile],
        to: KNOWN,
        then: standIn,
        emit: [planResolved],
      },
    ],
    ModelRequested: [{ name: 'requested', from: ALL, during: SERVED, when: [isRegistered], then: requesting }],
    ClearSessionLlmState: [
      { name: 'cleared', from: ALL, during: SERVED, when: [isRegistered], to: ['unknown'], then: () => NO_LLM },
    ],
  },
  lives: { session: resetTo<Llm, Llm['phase']>(NO_LLM, ['unresolved', 'resolved']) },
  follow: {},
  invariants: [
    {
      id: 'llm-is-of-a-session',
      text: 'a session that is unregistered or destroyed has no model',
      holds: s => s.llm.phase === 'unknown' || (isRegistered(s) && s.lifecycle.phase !== 'destroyed'),
    },
  ],
}
