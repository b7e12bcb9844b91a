/**
 * Where a host placed the session, and the epoch of its asynchronous work.
 *
 * Enforces: a placement is bound as a whole and never replaced in part; another one can only be bound after the old one
 * was removed.
 */

import type { CoreEffect, CoreFacts, CoreRegion } from '../../core.ts'
import type { RuntimeEpochId, SessionId } from '../../ids.ts'
import { notDraining } from '../guards.ts'
import { GOING } from '../phases.ts'
import type { BindingTuple, Ingest, PrepareBindings } from './input.ts'
import type { Binding } from './state.ts'

/** The binding as a host observes it. */
export function bindingSeen({ phase: _, ...seen }: Binding): BindingTuple {
  return seen
}

/** Whether the observed tuple is exactly the current one. */
export function sameBinding(binding: Binding, seen: BindingTuple): boolean {
  const now = bindingSeen(binding)
  return (
    now.runtimeId === seen.runtimeId &&
    now.fence === seen.fence &&
    now.generation === seen.generation &&
    now.epochId === seen.epochId
  )
}

function sameSession(state: CoreFacts, input: { readonly sessionId?: SessionId }): boolean {
  return state.registration.sessionId === input.sessionId
}
function hasGenerationOrEpoch(_: CoreFacts, input: PrepareBindings): boolean {
  return input.generation !== undefined || input.epochId !== undefined
}
function epochIsRegistered(state: CoreFacts, input: PrepareBindings): boolean {
  return state.binding.epochId === input.epochId
}
function isExact(state: CoreFacts, input: BindingTuple): boolean {
  return sameBinding(state.binding, input)
}
/** Whether the input adds a fence to a placement that a reset left without one. */
function refines(state: CoreFacts, input: PrepareBindings): boolean {
  const { binding } = state
  if (binding.phase !== 'bound') return false
  return (
    binding.runtimeId === input.runtimeId &&
    (binding.fence ?? input.fence) === input.fence &&
    (binding.generation ?? input.generation) === input.generation
  )
}
function bind(slice: Binding, input: PrepareBindings): Binding {
  const { runtimeId, fence, generation } = input
  return {
    phase: 'bound',
    runtimeId,
    fence,
    ...(generation !== undefined && { generation }),
    ...(slice.epochId !== undefined && { epochId: slice.epochId }),
  }
}
function unbind(slice: Binding): Binding {
  if (slice.phase === 'unbound') return slice
  return slice.epochId === undefined ? { phase: 'unbound' } : { phase: 'unbound', epochId: slice.epochId }
}
/** A reset keeps the placement without its fence; the next binding of it brings a fence, and may bring another epoch. */
function unfence(slice: Binding, epochId: RuntimeEpochId | undefined): Binding {
  if (slice.phase === 'unbound') return epochId === undefined ? slice : { ...slice, epochId }
  if (slice.fence === undefined && epochId === undefined) return slice
  const { fence: _, ...rest } = slice
  return epochId === undefined ? rest : { ...rest, epochId }
}
function begun(_: Binding, { epochId }: { readonly epochId?: RuntimeEpochId }): Binding {
  return epochId === undefined ? { phase: 'unbound' } : { phase: 'unbound', epochId }
}
function runtimeBound(_: CoreFacts, input: PrepareBindings): CoreEffect {
  return { type: 'RuntimeBound', runtimeId: input.runtimeId, fence: input.fence }
}

function resolveAdmission(state: CoreFacts, { workId, origin }: Ingest): readonly CoreEffect[] {
  const { binding: placed } = state
  return placed.phase === 'bound' ? [{ type: 'ResolveAdmission', runtimeId: placed.runtimeId, workId, origin }] : []
}

const COMMON = [notDraining, sameSession, hasGenerationOrEpoch]

export const binding: CoreRegion<'binding', Binding['phase']> = {
  name: 'binding',
  about: 'Where a host placed the session, fenced, and the epoch of its asynchronous work.',
  initial: { phase: 'unbound' },
  phaseOf: state => state.binding.phase,
  phases: ['unbound', 'bound'],
  on: {
    PrepareBindings: [
      { name: 'again', from: ['bound'], during: GOING, when: [...COMMON, isExact] },
      {
        name: 'bind',
        from: ['unbound'],
        during: GOING,
        when: [...COMMON, epochIsRegistered],
        to: ['bound'],
        then: bind,
        emit: [runtimeBound],
      },
      {
        name: 'refine',
        from: ['bound'],
        during: GOING,
        when: [...COMMON, epochIsRegistered, refines],
        then: bind,
        emit: [runtimeBound],
      },
    ],
    Ingest: [
      {
        name: 'routed',
        from: ['bound'],
        during: ['idle', 'attached', 'running'],
        when: [notDraining, sameSession, isExact],
        emit: [resolveAdmission],
      },
    ],
  },
  follow: {
    'RegisterSession/new': { moves: { bound: ['unbound'] }, then: begun },
    'RegisterSession/after-drain': { then: begun },
    Recover: { moves: { bound: ['unbound'] }, then: unbind },
    Recycle: { moves: { bound: ['unbound'] }, then: unbind },
    'Resume/revive': { moves: { bound: ['unbound'] }, then: unbind },
    Reset: { then: (slice, _, __, epoch) => unfence(slice, epoch) },
    Destroy: { moves: { bound: ['unbound'] }, then: unbind },
    UnregisterSession: { moves: { bound: ['unbound'] }, then: (): Binding => ({ phase: 'unbound' }) },
  },
  invariants: [
    {
      id: 'epoch-requires-registered-session',
      text: 'an epoch exists only for a registered session',
      holds: s => s.binding.epochId === undefined || s.registration.sessionId !== undefined,
    },
    {
      id: 'binding-identity-is-typed',
      text: 'a bound runtime has a generation or an epoch',
      holds: s =>
        s.binding.phase === 'unbound' || s.binding.generation !== undefined || s.binding.epochId !== undefined,
    },
    {
      id: 'binding-requires-registered-session',
      text: 'only a registered session is bound to a runtime',
      holds: s => s.binding.phase === 'unbound' || s.registration.sessionId !== undefined,
    },
  ],
}
