/** What comes of each input in each phase, to be held against a table that has no holes. */
import { type LifecyclePhase, type MeerkatInput, type MeerkatState, type RejectionKind, step } from 'meerkat-ts/kernel'
import { attached, Play, registered, runId } from './play.ts'

/** Where it leads, that it is taken and the phase stays, or why not. */
export type Expected<Phase extends string> = Phase | 'stays' | RejectionKind
export type TruthTable<Phase extends string, Type extends string> = Record<Phase, Record<Type, Expected<Phase>>>
/** One example of each input. */
export type Examples<Type extends MeerkatInput['type']> = {
  readonly [T in Type]: Extract<MeerkatInput, { readonly type: T }>
}

/** Asks each of the sessions, which stay as they are. */
export function truths<Phase extends string, Type extends MeerkatInput['type']>(
  phaseOf: (state: MeerkatState) => Phase,
  sessions: Readonly<Record<Phase, Play>>,
  examples: Examples<Type>,
): TruthTable<Phase, Type> {
  const rows = (Object.keys(sessions) as Phase[]).map(phase => {
    const { state } = sessions[phase]
    if (phaseOf(state) !== phase) throw new Error(`the session for ${phase} is ${phaseOf(state)}`)
    const cells = Object.values<MeerkatInput>(examples).map(input => {
      const result = step(state, input)
      const to = result.ok ? phaseOf(result.state) : result.kind
      return [input.type, to === phase ? 'stays' : to]
    })
    return [phase, Object.fromEntries(cells) as unknown]
  })
  return Object.fromEntries(rows) as TruthTable<Phase, Type>
}

/** A session in each phase of its life, each after these inputs while an executor served it. */
export function livesAfter(...prepared: readonly MeerkatInput[]): Record<LifecyclePhase, Play> {
  const served = (...more: readonly MeerkatInput[]): Play => {
    const play = attached()
    play.do(...prepared, ...more)
    return play
  }
  const idle = registered()
  idle.do(...prepared)
  return {
    initializing: new Play(),
    idle,
    attached: served(),
    running: served(
      { type: 'AcceptInput', inputId: 'i' as never, at: 0 },
      { type: 'Prepare', runId: runId('r'), at: 0 },
    ),
    retired: served({ type: 'Retire' }),
    stopped: served({ type: 'RuntimeExecutorExited' }),
    destroyed: served({ type: 'Destroy' }),
  }
}

export const lifecycleOf = (state: MeerkatState): LifecyclePhase => state.lifecycle.phase

/** A session that was registered, and was torn down. */
export function tornDown(...prepared: readonly MeerkatInput[]): Play {
  const play = registered()
  const sessionId = play.state.registration.sessionId as never
  play.do(...prepared)
  const { phase: _, ...binding } = play.state.binding
  play.do(
    { type: 'BeginUnregisterSession', sessionId, binding },
    { type: 'RuntimeLoopStoppedForUnregister', sessionId, forcedAbort: false },
    { type: 'CommsDrainExitedForUnregister', sessionId, forcedAbort: false },
    { type: 'CompletionWaitersResolvedForUnregister', sessionId },
    { type: 'UnregisterSession', sessionId, binding },
  )
  return play
}
