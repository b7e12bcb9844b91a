/** How long the facts of a session last. A region says for how long its own do; the machine ends them. */
import type { LifecycleInput } from './lifecycle/input.ts'
import type { RegistrationInput } from './registration/input.ts'

/** From the shortest on: where one input ends two of them, the later in this list says what is left. */
export type Lifetime =
  /** The attempt in progress. */
  | 'run'
  /** An executor's service of the session. */
  | 'service'
  /** The process that owns the session. */
  | 'process'
  /** The session, under its id and not destroyed. */
  | 'session'
  /** The session under its id: its remains, too. */
  | 'registration'

type Ending = LifecycleInput['type'] | RegistrationInput['type'] | `RegisterSession/${'new' | 'after-drain'}`

/** Registered anew under another id: what belonged to the old one ends. */
const LET_GO: readonly Ending[] = ['RegisterSession/new', 'RegisterSession/after-drain', 'UnregisterSession']
const PROCESS: readonly Ending[] = ['Recover', 'UnregisterSession', 'Destroy']

/** What ends each of them. */
export const LIFETIMES: { readonly [L in Lifetime]: readonly Ending[] } = {
  run: ['Commit', 'Fail', 'CancelRun', 'RollbackRun', 'RuntimeExecutorExited', ...PROCESS],
  service: ['Reset', 'RuntimeExecutorExited', ...PROCESS],
  process: PROCESS,
  session: [...LET_GO, 'Destroy'],
  registration: LET_GO,
}

/** The life of a slice that begins anew, and the phases of its own, if any, that this takes it from. */
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
