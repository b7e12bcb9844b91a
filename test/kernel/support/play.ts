/**
 * A session machine to play with: every state it passes through is frozen and has to satisfy every invariant, and every
 * refusal has to leave it as it was.
 */

import {
  type AcceptInput,
  type CallId,
  type CallPolicy,
  entryOf,
  type InputId,
  type LedgerEntry,
  type LifecyclePhase,
  type MeerkatEffect,
  type MeerkatInput,
  type MeerkatState,
  meerkat,
  type OperationEntry,
  type OperationId,
  type OperationNature,
  type Rejection,
  type RollbackCause,
  type RunId,
  type ScheduleId,
  type SessionId,
  step,
  type Terminal,
  type WaitId,
} from 'meerkat-ts/kernel'
import { mapGet } from '../../../src/kernel/persistent-map.ts'
import { deepFreeze } from './deep-freeze.ts'

export const inputId = (id: string): InputId => id as InputId
export const runId = (id: string): RunId => id as RunId
export const callId = (id: string): CallId => id as CallId
export const operationId = (id: string): OperationId => id as OperationId
export const waitId = (id: string): WaitId => id as WaitId
export const scheduleId = (id: string): ScheduleId => id as ScheduleId
export const SESSION = 'session' as SessionId

type EffectOf<Type extends MeerkatEffect['type']> = Extract<MeerkatEffect, { readonly type: Type }>
type Opening = Partial<Omit<Extract<MeerkatInput, { type: 'RegisterSession' }>, 'type' | 'sessionId'>>

export class Play {
  #state: MeerkatState
  #at = 0
  /** Everything it said so far. */
  readonly effects: MeerkatEffect[] = []

  constructor(state: MeerkatState = meerkat.initial) {
    this.#state = deepFreeze(state)
  }

  get state(): MeerkatState {
    return this.#state
  }
  get phase(): LifecyclePhase {
    return this.#state.lifecycle.phase
  }

  /** Applies inputs that have to be accepted; answers what they said. */
  do(...inputs: readonly MeerkatInput[]): readonly MeerkatEffect[] {
    const said = inputs.flatMap(input => {
      const result = step(this.#state, deepFreeze(input))
      if (!result.ok) throw new Error(`${input.type} was refused: ${result.kind}: ${result.reason}`)
      const [broken] = meerkat.check(result.state)
      if (broken !== undefined) throw new Error(`${input.type} broke ${broken.invariant}: ${broken.text}`)
      this.#state = deepFreeze(result.state)
      return result.effects
    })
    this.effects.push(...said)
    return said
  }

  /** Applies an input that has to be refused; answers the refusal. */
  refused(input: MeerkatInput): Rejection {
    const result = step(this.#state, deepFreeze(input))
    if (result.ok) throw new Error(`${input.type} was accepted`)
    return result
  }

  accept(id: string, more: Partial<Omit<AcceptInput, 'type' | 'inputId'>> = {}): readonly MeerkatEffect[] {
    return this.do({ type: 'AcceptInput', inputId: inputId(id), at: ++this.#at, ...more })
  }

  steer(id: string): readonly MeerkatEffect[] {
    return this.accept(id, { mode: 'steer' })
  }

  /** Starts the next run; answers the inputs it holds. */
  prepare(run: string): readonly string[] {
    this.do({ type: this.phase === 'retired' ? 'DrainQueuedRun' : 'Prepare', runId: runId(run), at: ++this.#at })
    return this.contributors
  }

  /** Starts a run and lets the model begin. */
  begin(run: string): readonly string[] {
    const contributors = this.prepare(run)
    this.do({ type: 'StartConversationRun', runId: runId(run) }, { type: 'PrimitiveApplied', runId: runId(run) })
    return contributors
  }

  /** The model asks for tools, which all answer, and the turn passes a boundary. */
  toolRound(run: string): readonly MeerkatEffect[] {
    const id = runId(run)
    return this.do(
      { type: 'LlmReturnedToolCalls', runId: id, toolCount: 1 },
      { type: 'ToolCallsResolved', runId: id },
      { type: 'BoundaryContinue', runId: id },
    )
  }

  /** The model's last word. With steers waiting, the turn goes on instead. */
  answer(run: string): readonly MeerkatEffect[] {
    return this.do({ type: 'LlmReturnedTerminal', runId: runId(run) }, { type: 'BoundaryComplete', runId: runId(run) })
  }

  commit(run: string, messages = 2): readonly MeerkatEffect[] {
    return this.do({ type: 'Commit', runId: runId(run), messages })
  }

  /** A prepared run goes through its turn and commits. */
  answerAll(run: string): void {
    this.do({ type: 'StartConversationRun', runId: runId(run) }, { type: 'PrimitiveApplied', runId: runId(run) })
    this.answer(run)
    this.commit(run)
  }

  /** A run from start to commit; answers the inputs it held. */
  complete(run: string): readonly string[] {
    const contributors = this.begin(run)
    this.answer(run)
    this.commit(run)
    return contributors
  }

  /** A run that ends without an outcome. */
  rollBack(run: string, cause: RollbackCause): readonly MeerkatEffect[] {
    return this.do({ type: 'RollbackRun', runId: runId(run), cause })
  }

  /** The model asked for one tool call; its intent is recorded. */
  call(run: string, id: string, policy: CallPolicy, needsApproval = false): readonly MeerkatEffect[] {
    const calls = [{ callId: callId(id), tool: 'tool', policy, needsApproval }]
    return this.do(
      { type: 'LlmReturnedToolCalls', runId: runId(run), toolCount: 1 },
      { type: 'RecordCallIntents', runId: runId(run), calls, at: ++this.#at },
    )
  }

  outcome(run: string, id: string, ok = true): readonly MeerkatEffect[] {
    const outcomes = [{ callId: callId(id), ok }]
    return this.do({ type: 'RecordCallOutcomes', runId: runId(run), outcomes, at: ++this.#at })
  }

  /** Registers and starts an operation; a background tool unless something else is said. */
  launch(id: string, nature: OperationNature = { kind: 'background-tool-op' }): void {
    const named = operationId(id)
    this.do(
      { type: 'RegisterOperation', operationId: named, at: ++this.#at, ...nature },
      { type: 'StartOperation', operationId: named },
    )
  }

  finish(...ids: readonly string[]): readonly MeerkatEffect[] {
    return ids.flatMap(id => this.do({ type: 'CompleteOperation', operationId: operationId(id) }))
  }

  operation(id: string): OperationEntry | undefined {
    return mapGet(this.#state.operations.entries, operationId(id))
  }

  get contributors(): readonly string[] {
    return this.#state.run.phase === 'bound' ? this.#state.run.contributors : []
  }

  entry(id: string): LedgerEntry | undefined {
    return entryOf(this.#state.ledger, inputId(id))
  }

  said<Type extends MeerkatEffect['type']>(type: Type): readonly EffectOf<Type>[] {
    return this.effects.filter((effect): effect is EffectOf<Type> => effect.type === type)
  }

  /** How an input ended. Ending twice is an error. */
  terminal(id: string): Terminal | undefined {
    const ends = this.said('InputTerminated').filter(effect => effect.inputId === id)
    if (ends.length > 1) throw new Error(`${id} ended ${ends.length} times`)
    return ends[0]?.terminal
  }
}

/** A registered session that no executor serves. */
export function registered(opening: Opening = {}): Play {
  const play = new Play()
  play.do({ type: 'Initialize' }, { type: 'RegisterSession', sessionId: SESSION, ...opening })
  return play
}

/** A session with an executor. */
export function attached(opening: Opening = {}): Play {
  const play = registered(opening)
  play.do({ type: 'EnsureSessionWithExecutor', sessionId: SESSION })
  return play
}

export const kinds = (effects: readonly MeerkatEffect[]): readonly string[] => effects.map(effect => effect.type)
