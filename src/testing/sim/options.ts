/** Options of a simulation, and its report. */

import type { LanguageModel } from '../../executor/agent/model.ts'
import type { AgentTool } from '../../executor/agent/tool.ts'
import type { CoreExecutor } from '../../executor/executor.ts'
import type { Ids } from '../../ids.ts'
import type { CallPolicy } from '../../kernel/regions/calls/state.ts'
import type { Store, StoreSource } from '../../store/store.ts'
import type { Clock } from '../../time.ts'
import type { Violation } from './history.ts'
import type { Random } from './random.ts'

/** How likely each fault is, from 0 to 1, each time it could happen; 0 turns it off. */
export interface FaultRates {
  /** A process ends at a crash point, or before or after it wrote. */
  readonly crash: number
  /** A process ends between two steps of the simulation. */
  readonly kill: number
  /** A write fails and was not carried out. */
  readonly failBefore: number
  /** A write is carried out, and its acknowledgement is lost. */
  readonly failAfter: number
  /** A write takes as long as the simulation wants. */
  readonly slow: number
  /** A read fails. */
  readonly failRead: number
  /** A hint about another process's commit is lost. */
  readonly deaf: number
  /** A process is suspended for a while, perhaps for longer than its lease, and then goes on. */
  readonly pause: number
  /** The wall clock of a process jumps, forward or back. */
  readonly jump: number
  /** A process is closed or drained in good order. */
  readonly close: number
  /** The model or a tool fails. */
  readonly badWork: number
  /** A write waits for the flush that it shares with those after it; 0 unless tails are torn. */
  readonly group: number
  /** The machine of all processes loses its power; 0 unless tails are torn. */
  readonly power: number
}

/** What an executor, a model or tools of a simulated process may use; if they use anything else a replay differs. */
export interface SimulatedProcess {
  readonly name: string
  readonly clock: Clock
  readonly random: Random
  readonly ids: Ids
}

export interface SimulationOptions {
  /** Decides everything: the same seed and options give the same simulation. */
  readonly seed: number
  /** Steps with faults, before everything is left to come to its end; 150 unless told. */
  readonly steps?: number
  /** Processes on the same store; 2 unless told. */
  readonly owners?: number
  /** Sessions they share; 3 unless told. */
  readonly sessions?: number
  /** Clients that ask at the same time; 4 unless told. */
  readonly clients?: number
  /**
   * Writes wait for a shared flush, and of those that wait when a process or the whole machine ends, only the first are in
   * the log: a torn tail. Acknowledged writes are never lost. Off unless told.
   */
  readonly tornTails?: boolean
  /** Overrides of the default rates. */
  readonly faults?: Partial<FaultRates>
  /** Policies of the tools that come with the simulator; all unless told. */
  readonly policies?: readonly CallPolicy[]
  /** Your executor, made anew for every process that starts. Its tools are not watched. */
  readonly executor?: (process: SimulatedProcess) => CoreExecutor
  /** Your tools, made anew for every process that starts, in the shipped agent. Their calls are watched. */
  readonly tools?: (process: SimulatedProcess) => readonly AgentTool[]
  /** Your model, in the shipped agent. The default one does what the prompts of the simulation say. */
  readonly model?: (process: SimulatedProcess) => LanguageModel
  /** The prompts of clients; needed with a model of your own. */
  readonly prompt?: (random: Random) => string
  /** An empty store that lives by the simulation's clock; memory unless told. */
  readonly store?: (clock: Clock) => StoreSource | Promise<StoreSource>
  /**
   * Ends the store of a killed process: writes that are not done by now must never be done. Without it the store is closed
   * when the lease of its process is over.
   */
  readonly kill?: (store: Store) => void
  /** Replaces the store of a process by a faulty one, to test whether the simulation notices. */
  readonly sabotage?: (store: Store) => Store
  /** Keep the whole trace instead of its end. */
  readonly wholeTrace?: boolean
  /** Command-line arguments that give the same functions again, for the replay. */
  readonly again?: readonly string[]
}

/** A broken rule of the history, or a tool of the caller's that was never called. */
export type SimulationViolation = Violation | { readonly rule: 'tool-never-called'; readonly text: string }

export interface SimulationReport {
  readonly seed: number
  readonly ok: boolean
  /** What went wrong, in the order of the rules. */
  readonly violations: readonly SimulationViolation[]
  /** Equal in every replay of the seed. */
  readonly hash: string
  /** The last steps, or all. */
  readonly trace: readonly string[]
  /** Counts of what happened, by name. */
  readonly tally: Readonly<Record<string, number>>
  /** How to repeat the simulation. */
  readonly replay: string
}
