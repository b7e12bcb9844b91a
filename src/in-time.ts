/** Calls foreign code that must not hold anything up. */
import { messageOf } from './foreign.ts'
import type { Clock } from './time.ts'

/**
 * Waits for it no longer than this. A failure or a timeout becomes a warning, because no caller waits for the result.
 */
export async function inTime(act: () => Promise<unknown>, clock: Clock, limitMs: number): Promise<void> {
  const late = Promise.withResolvers<string>()
  const off = clock.after(limitMs, () => late.resolve(`did not answer within ${limitMs} ms`))
  const done = act().then(
    () => undefined,
    (error: unknown) => messageOf(error),
  )
  const problem = await Promise.race([done, late.promise])
  off()
  if (problem !== undefined) process.emitWarning(`code that the runtime was given failed: ${problem}`, 'MeerkatWarning')
}
