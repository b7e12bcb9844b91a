/**
 * The session's model and its capabilities; and the model of the newest request, which may be another one while an input,
 * a switch or an image operation overrides it.
 *
 * Enforces: a model replaces exactly the one that the caller saw; a fallback that stays is accepted only while its run
 * recovers from the failure that it was chosen for. The tool filter of a model's capabilities is computed from the surface
 * of the model of the newest request (`capabilityBaseFilter`) and never set separately; for unknown capabilities no tool is
 * hidden. Setting the session's model also replaces the model of the newest request. In the same step visibility gives the
 * change a revision if an image tool appears or disappears, and routing changes its baseline. The model is a fact: it
 * survives its process.
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
 * A session with an executor has to be bound to a runtime before its model changes. Setting its first model needs no
 * runtime, because placing, attaching and setting the model may come in any order.
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
    // A session in these phases is registered.
    ModelRequested: [{ name: 'requested', from: ALL, during: SERVED, then: requesting }],
    ClearSessionLlmState: [
      { name: 'cleared', from: ALL, during: SERVED, when: [isRegistered], to: ['unknown'], then: () => NO_LLM },
    ],
  },
  lives: { session: resetTo<Llm, Llm['phase']>(NO_LLM, ['unresolved', 'resolved']) },
  follow: {},
  invariants: [
    {
      id: 'llm-is-of-a-session',
      text: 'a session that is unregistered or destroyed has no model, and no request to one',
      holds: s =>
        (s.llm.phase === 'unknown' && s.llm.requested === undefined) ||
        (isRegistered(s) && s.lifecycle.phase !== 'destroyed'),
    },
  ],
}
