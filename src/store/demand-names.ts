/** The last line before the disk: what becomes findable under a name is refused by every store if it is none. */

import type { SessionId } from '../kernel/ids.ts'
import { demandName } from '../names.ts'
import type { Commit } from './store.ts'

/** The names that a commit makes. Those that it only speaks of were checked when they were made. */
export function demandNames({ opened, keys }: Pick<Commit, 'opened' | 'keys'>, born?: SessionId): void {
  if (born !== undefined) demandName(born, 'the session id')
  for (const id of opened ?? []) demandName(id, 'an id')
  for (const { key, inputId } of keys ?? []) {
    demandName(key, 'an idempotency key')
    demandName(inputId, 'the input of an idempotency key')
  }
}
