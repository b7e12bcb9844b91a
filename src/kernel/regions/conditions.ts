import type { Standing } from './standing.ts'

/** A late word about a session that was unregistered: it is taken, and nothing follows. */
export function isUnregistered({ registration }: Pick<Standing, 'registration'>): boolean {
  return registration.sessionId === undefined
}
