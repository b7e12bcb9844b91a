import type { LifecyclePhase } from './lifecycle/state.ts'
import type { Standing } from './standing.ts'

/** Phases in which a session can have dealings with the world. */
export const SERVED: readonly LifecyclePhase[] = ['idle', 'attached', 'running', 'retired', 'stopped']
/** Phases in which it takes up new ones. */
export const OPEN: readonly LifecyclePhase[] = ['idle', 'attached', 'running']

/** Phases in which a session may be without a registration. */
export const LEFT: readonly LifecyclePhase[] = ['idle', 'retired', 'stopped']

/** A late word about a session that was unregistered: it is taken, and nothing follows. */
export function isUnregistered({ registration }: Pick<Standing, 'registration'>): boolean {
  return registration.sessionId === undefined
}

/** Inputs with which every condition begins anew: another process takes over, or nobody does. */
type Ending = 'Recover' | 'UnregisterSession' | 'Destroy'

interface End<Slice, Phase extends string> {
  readonly moves?: { readonly [From in Phase]?: readonly Phase[] }
  readonly then: () => Slice
}

/** Reactions that end a slice with its process; `moves` where the slice has phases of its own. */
export function endsWithProcess<Slice, Phase extends string = string>(
  initial: Slice,
  moves?: { readonly [From in Phase]?: readonly Phase[] },
): { readonly [T in Ending]: End<Slice, Phase> } {
  const again = { ...(moves && { moves }), then: () => initial }
  return { Recover: again, UnregisterSession: again, Destroy: again }
}
