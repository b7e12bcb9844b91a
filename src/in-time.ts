/** Code of somebody else that has to be called and must not be depended on. */
import { messageOf } from './foreign.ts'
import type { Clock } from './time.ts'

/** Waits for it at most this long. What it throws, and that it did not come to its end, is a warning: nobody else waits. */
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
