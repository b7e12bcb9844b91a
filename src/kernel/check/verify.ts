/** Explores every configuration and reports what holds, what does not, and which edges were never taken. */

import type { MeerkatEffect } from '../effects.ts'
import { decodeState, encodeState } from '../encode.ts'
import type { MeerkatInput } from '../inputs.ts'
import { meerkat } from '../machine.ts'
import type { MeerkatState } from '../state.ts'
import type { Machine, Transition } from '../step.ts'
import { refusalFault } from './answered/index.ts'
import type { Configuration } from './configuration.ts'
import { configurations } from './configurations.ts'
import { emissionFault } from './emitted/index.ts'
import { exactlyOnceFault } from './exactly-once.ts'
import { explore, type Fault, inWords, type Walk } from './explore.ts'
import { firingFault } from './firings.ts'
import { checkLiveness, DebtBits, type LivenessFailure } from './liveness.ts'
import { epochFault, operationEndsFault } from './operation-ends.ts'
import { type Report, type ReportOptions, reportOf } from './report.ts'
import { StateKeys } from './state-key.ts'

type SessionMachine = Machine<MeerkatState, MeerkatInput, MeerkatEffect>

export type VerifyReport = Report<LivenessFailure>

export interface VerifyOptions extends ReportOptions {
  /** Smaller configurations that still take every edge. */
  readonly quick?: boolean
  /** Another machine of the same regions, to see whether its faults are found. */
  readonly machine?: SessionMachine
}

/** Verifies the session machine. */
export function verify(options: VerifyOptions = {}): VerifyReport {
  const { quick = false, machine = meerkat } = options
  const worlds = configurations(quick).map(one => ({ ...one, walk: () => walk(machine, one) }))
  return reportOf(machine, worlds, options)
}

function walk(machine: SessionMachine, configuration: Configuration) {
  const bits = new DebtBits()
  const graph = explore(sessionWalk(machine, configuration, bits))
  return { graph, liveness: checkLiveness(configuration.name, machine, graph, bits) }
}

/** The walk of a configuration of the session machine, with the checks of its steps and states. */
export function sessionWalk(
  machine: SessionMachine,
  { name, prefix, inputs }: Configuration,
  bits: DebtBits = new DebtBits(),
  keys: StateKeys = new StateKeys(),
): Walk<MeerkatState, MeerkatInput, MeerkatEffect> {
  const isFaithful = snapshotCheck(keys)
  return {
    name,
    machine,
    start: prefix.reduce((state, input) => stateAfter(machine, state, input), machine.initial),
    inputs,
    key: state => keys.keyOf(state),
    stepFault: (before, input, transition) =>
      strayRunFault(before, input) ??
      unseenSteerFault(transition) ??
      exactlyOnceFault(before, transition) ??
      operationEndsFault(before, transition) ??
      epochFault(before, input, transition) ??
      firingFault(before, input, transition) ??
      emissionFault(before, input, transition),
    refusalFault,
    stateFault: isFaithful,
    label: (_: MeerkatState, { effects }: Transition<MeerkatState, MeerkatEffect>) => bits.settledBy(effects),
  }
}

function stateAfter(machine: SessionMachine, state: MeerkatState, input: MeerkatInput): MeerkatState {
  const result = machine.step(state, input)
  if (!result.ok) throw new Error(`a configuration can't begin: ${inWords(input)} is refused: ${result.reason}`)
  return result.state
}

/** An input that names a run affects that run or none. */
function strayRunFault({ run }: MeerkatState, input: MeerkatInput): Fault | undefined {
  if (!('runId' in input) || input.type === 'Prepare' || input.type === 'DrainQueuedRun') return undefined
  if (run.phase === 'bound' && run.runId === input.runId) return undefined
  return { invariant: 'a-run-is-reached-by-name', text: `${input.type} was accepted for a run that is not current` }
}

/** After a steer joins a run the model sees it: the turn goes on, or was cut off. */
function unseenSteerFault({ state, effects }: Transition<MeerkatState, MeerkatEffect>): Fault | undefined {
  if (state.turn.phase !== 'completed' || !effects.some(effect => effect.type === 'InputSteered')) return undefined
  return { invariant: 'steers-are-heard', text: 'a steer joined a turn that had already completed' }
}

/**
 * A session that is evicted and loaded again has the same facts. Slices are encoded one by one, so each value of a slice
 * has to be tried once, whatever the other slices are.
 */
function snapshotCheck(keys: StateKeys): (state: MeerkatState) => Fault | undefined {
  return state => {
    if (!keys.remember(state)) return undefined
    const text = encodeState(state)
    const loaded = decoded(text)
    if (loaded !== undefined && encodeState(loaded) === text && keys.factsOf(loaded) === keys.factsOf(state))
      return undefined
    return { invariant: 'snapshots-are-faithful', text: 'a state differs after it was written and read' }
  }
}

function decoded(text: string): MeerkatState | undefined {
  try {
    return decodeState(text)
  } catch {
    return undefined
  }
}
