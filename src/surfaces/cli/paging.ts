/** Flags that say how much to print. */
import { wholeNumber } from './settings.ts'
import type { Shell } from './shell.ts'

/** `--limit`, where it was given. */
export function limitOf(shell: Shell): number | undefined {
  const limit = shell.flag('limit')
  return limit === undefined ? undefined : wholeNumber(limit, '--limit', { from: 1, to: 1000 })
}
