/** The lifetimes of a session's facts. A region declares those of its own facts; the machine ends them. */
import type { LifecycleInput } from './lifecycle/input.ts'
import type { RegistrationInput } from './registration/input.ts'

/** From the shortest to the longest. If one input ends two lifetimes of a region, the reaction of the longer one applies. */
export type Lifetime =
  /** The attempt in progress. */
  | 'run'
  /** While one executor serves the session. */
  | 'service'
  /** While one process owns the session. */
  | 'process'
  /** Until the session is destroyed or its id changes. */
  | 'session'
  /** Until the session's id changes; also while it is destroyed. */
  | 'registration'

type Ending = LifecycleInput['type'] | RegistrationInput['type'] | `RegisterSession/${'new' | 'after-drain'}`

/** The session is unregistered, or registered under another id. */
const LET_GO: readonly Ending[] = ['RegisterSession/new', 'RegisterSession/after-drain', 'UnregisterSession']
const PROCESS: readonly Ending[] = ['Recover', 'UnregisterSession', 'Destroy']

/** The inputs, or rows of inputs, that end each lifetime. */
export const LIFETIMES: { readonly [L in Lifetime]: readonly Ending[] } = {
  run: ['Commit', 'Fail', 'CancelRun', 'RollbackRun', 'RuntimeExecutorExited', ...PROCESS],
  service: ['Reset', 'RuntimeExecutorExited', ...PROCESS],
  process: PROCESS,
  session: [...LET_GO, 'Destroy'],
  registration: LET_GO,
}

/** A reaction that resets a slice; `from`: its own phases, if any, that it may be reset in. */
export function resetTo<Slice, Phase extends string = string>(
  slice: Slice & { readonly phase?: Phase },
  from: readonly Phase[] = [],
): { readonly moves?: { readonly [From in Phase]?: readonly Phase[] }; readonly then: () => Slice } {
  const { phase } = slice
  if (phase === undefined) return { then: () => slice }
  const moves: { [From in Phase]?: readonly Phase[] } = {}
  for (const one of from) if (one !== phase) moves[one] = [phase]
  return { moves, then: () => slice }
}
