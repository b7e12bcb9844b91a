import type { Standing } from './standing.ts'

/** Guard for rows that accept late reports about an unregistered session without an effect. */
export function isUnregistered({ registration }: Pick<Standing, 'registration'>): boolean {
  return registration.sessionId === undefined
}
