/**
 * Walks a mob with one member together with the session that serves it: the messages of both are in a bag and are delivered
 * by the seam's routes in any order, and more than once.
 *
 * The bag is a set and a delivery may leave its message in it, which covers every bag of copies. A refusal goes back by the
 * route's closure in the same step, as the dispatcher does it.
 */
import { bindRoute, isRouted } from '../composition.ts'
import type { MeerkatInput } from '../inputs.ts'
import { meerkat } from '../machine.ts'
import type { MobEffect } from '../mob/effects.ts'
import type { MobInput } from '../mob/inputs.ts'
import { meerkatMobSeam, type SeamParties, sessionSignals } from '../mob/seam.ts'
import type { MobState } from '../mob/state.ts'
import type { MeerkatState } from '../state.ts'
import type { Machine, StepResult } from '../step.ts'
import {
  a,
  authorized,
  detached,
  lifecycle,
  release,
  restore,
  retire,
  sessionId,
  spawning,
  submitted,
  withRespawn,
} from './mob-configurations.ts'
import { StateKeys } from './state-key.ts'

type Message =
  | { readonly from: 'mob'; readonly effect: MobEffect }
  | { readonly from: 'meerkat'; readonly effect: SeamParties['meerkat']['effect'] }

export interface PairState {
  readonly mob: MobState
  readonly session: MeerkatState
  /** Undelivered messages, by their text. */
  readonly bag: ReadonlyMap<string, Message>
}

export type PairInput =
  | { readonly type: 'Mob'; readonly input: MobInput }
  | { readonly type: 'Session'; readonly input: MeerkatInput }
  | { readonly type: 'Deliver'; readonly message: string; readonly keep: boolean }
  | { readonly type: 'Lose'; readonly message: string }

export interface PairConfiguration {
  readonly name: string
  readonly about: string
  readonly prefix: readonly PairInput[]
  readonly inputs: (state: PairState) => readonly PairInput[]
  /** Whether deliveries alone answer every request; else the mob may have to repeat one. */
  readonly undisturbed: boolean
}

type PairStep = StepResult<PairState, never>
export type PairMachine = Machine<PairState, PairInput, never>
export type MobMachine = Machine<MobState, MobInput, MobEffect>

const took = (state: PairState): PairStep => ({ ok: true, state, effects: [], from: '', to: '', edge: 'pair' })

function post(bag: PairState['bag'], messages: readonly Message[]): PairState['bag'] {
  if (messages.length === 0) return bag
  const sorted = [...bag, ...messages.map(message => [JSON.stringify(message.effect), message] as const)]
  return new Map(sorted.toSorted(([one], [other]) => (one < other ? -1 : 1)))
}
function without(state: PairState, message: string): PairState {
  const bag = new Map(state.bag)
  bag.delete(message)
  return { ...state, bag }
}

function stepMob(machine: MobMachine, state: PairState, input: MobInput): PairStep {
  const result = machine.step(state.mob, input)
  if (!result.ok) return result
  const routed = result.effects.filter(effect => isRouted(meerkatMobSeam, 'mob', effect))
  const messages = routed.map((effect): Message => ({ from: 'mob', effect }))
  return took({ ...state, mob: result.state, bag: post(state.bag, messages) })
}

function stepSession(state: PairState, input: MeerkatInput): PairStep {
  const result = meerkat.step(state.session, input)
  if (!result.ok) return result
  const signals = sessionSignals(state.session, result.effects)
  const messages = signals.map((effect): Message => ({ from: 'meerkat', effect }))
  return took({ ...state, session: result.state, bag: post(state.bag, messages) })
}

/** Delivers a message as the dispatcher does: to the consumer, or its refusal back to the producer. */
function deliver(machine: MobMachine, state: PairState, text: string, keep: boolean): PairStep {
  const message = state.bag.get(text)
  if (message === undefined) return took(state)
  const left = keep ? state : without(state, text)
  const bound = bindRoute(meerkatMobSeam, message.from, message.effect)
  if (!bound.ok) return took(left)
  const { route, input } = bound
  const result =
    route.consumer === 'mob' ? stepMob(machine, left, input as MobInput) : stepSession(left, input as MeerkatInput)
  if (result.ok) return result
  const refusal = { code: result.kind, message: '' }
  const closed = route.closure && stepMob(machine, left, route.closure(refusal, message.effect) as MobInput)
  return closed?.ok === true ? closed : took(left)
}

/** Both machines as one, for the explorer. */
export function pairOf(machine: MobMachine): PairMachine {
  const step = (state: PairState, input: PairInput): PairStep => {
    switch (input.type) {
      case 'Mob':
        return stepMob(machine, state, input.input)
      case 'Session':
        return stepSession(state, input.input)
      case 'Deliver':
        return deliver(machine, state, input.message, input.keep)
      case 'Lose':
        return took(without(state, input.message))
    }
  }
  return {
    name: meerkatMobSeam.name,
    initial: { mob: machine.initial, session: meerkat.initial, bag: new Map() },
    spine: ({ mob }) => mob.lifecycle.phase,
    step,
    check: state => [...machine.check(state.mob), ...meerkat.check(state.session)],
    recover: took,
    edges: [],
    moves: [],
    lives: [],
    invariants: [],
    regions: [],
    isOfConditions: () => false,
    atRest: () => true,
  }
}

/** Keys of the pair, with one table for all that is walked. */
export function pairKeys(): (state: PairState) => string {
  const sessions = new StateKeys()
  return ({ mob: { wiring: _, ...facts }, session, bag }) =>
    `${JSON.stringify(facts)} ${sessions.keyOf(session)} ${[...bag.keys()].join()}`
}

/** The inputs before the walk: a registered session, and a mob that may spawn its member. */
const beginning: readonly PairInput[] = [
  { type: 'Session', input: { type: 'Initialize' } },
  { type: 'Session', input: { type: 'RegisterSession', sessionId } },
  { type: 'Mob', input: { type: 'BindCoordinator' } },
  { type: 'Mob', input: authorized },
]

/** The same objects each time, so that the explorer can number them. */
function offers(
  mobInputs: (state: MobState) => readonly MobInput[],
  sessionInputs: readonly MeerkatInput[],
  lossy: boolean,
): PairConfiguration['inputs'] {
  const wrapped = new Map<MobInput, PairInput>()
  const ofMob = (input: MobInput): PairInput => {
    const known = wrapped.get(input) ?? { type: 'Mob', input }
    wrapped.set(input, known)
    return known
  }
  const ofSession: readonly PairInput[] = sessionInputs.map(input => ({ type: 'Session', input }))
  const ofMessage = new Map<string, readonly PairInput[]>()
  const movesOf = (message: string): readonly PairInput[] => {
    const known = ofMessage.get(message)
    if (known !== undefined) return known
    const moves: readonly PairInput[] = [
      { type: 'Deliver', message, keep: false },
      { type: 'Deliver', message, keep: true },
      ...(lossy ? [{ type: 'Lose' as const, message }] : []),
    ]
    ofMessage.set(message, moves)
    return moves
  }
  return ({ mob: state, bag }) => [...mobInputs(state).map(ofMob), ...ofSession, ...[...bag.keys()].flatMap(movesOf)]
}

const coming: readonly MobInput[] = [...spawning, { type: 'AbortSpawnExec', identity: a }, retire(1)]

/** Inputs that a session gets from others than the mob; each removes its placement or prevents it. */
const happenings: readonly MeerkatInput[] = [
  { type: 'Recover' },
  { type: 'Recycle' },
  { type: 'Reset' },
  { type: 'Retire' },
  { type: 'StopRuntimeExecutor', reason: 'asked' },
  { type: 'Resume' },
  { type: 'Destroy' },
]

export function pairConfigurations(quick: boolean): readonly PairConfiguration[] {
  const seam = [...coming, ...lifecycle, submitted, release, detached]
  const disturbed = [...coming, restore, release]
  return [
    {
      name: 'seam',
      about:
        'A mob and the session of its one member, with every order of deliveries and repeats of them, through spawn, work, retirement and every end of the mob; in the full exploration with a second incarnation on the same session.',
      prefix: beginning,
      inputs: offers(quick ? () => seam : withRespawn(seam), [], false),
      undisturbed: true,
    },
    {
      name: 'seam-disturbed',
      about:
        'The same while the session loses its placement, is reset, retired, stopped or destroyed by others, and messages are lost. The mob may ask again.',
      prefix: beginning,
      inputs: offers(() => disturbed, happenings, true),
      undisturbed: false,
    },
    ...(quick ? [] : [respawned]),
  ]
}

const respawned: PairConfiguration = {
  name: 'seam-respawned',
  about:
    'Two incarnations on one session while its owner is replaced, or it is destroyed: late words of the first meet the second. Fewer disturbances, for each message of either may be under way.',
  prefix: beginning,
  inputs: offers(withRespawn(coming), [{ type: 'Recover' }, { type: 'Destroy' }], true),
  undisturbed: false,
}
