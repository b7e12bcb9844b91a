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
