/** The last check before the disk: every store refuses ids and keys that are no names. */

import type { SessionId } from '../kernel/ids.ts'
import { demandName } from '../names.ts'
import type { Commit } from './store.ts'

/** Checks the ids and keys that a commit introduces. Those that it only refers to were checked by the commit that introduced them. */
export function demandNames({ opened, keys }: Pick<Commit, 'opened' | 'keys'>, born?: SessionId): void {
  if (born !== undefined) demandName(born, 'the session id')
  for (const id of opened ?? []) demandName(id, 'an id')
  for (const { key, inputId } of keys ?? []) {
    demandName(key, 'an idempotency key')
    demandName(inputId, 'the input of an idempotency key')
  }
}
