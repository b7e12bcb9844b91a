/** Reads the part of a refusal's body that is of use. */
import { Brackets } from './brackets.ts'

const MAX_BYTES = 64 * 1024

/** How long the rest is waited for: some servers refuse and leave the connection open. */
const PATIENCE_MS = 5000

/** The first 64 KiB: a refusal has no more to say, and may never end. */
export function shortBody(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  const brackets = new Brackets()
  const late = Promise.withResolvers<'late'>()
  const timer = setTimeout(() => late.resolve('late'), PATIENCE_MS)
  let bytes = 0
  const close = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
    clearTimeout(timer)
    controller.close()
    // A body that has failed can't be cancelled, and needs not be.
    void reader.cancel().catch(() => undefined)
  }
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      // A connection that breaks after the status is a refusal all the same.
      const next = await Promise.race([reader.read().catch(() => 'broken' as const), late.promise])
      if (next === 'late' || next === 'broken' || next.done) return close(controller)
      const part = next.value.subarray(0, MAX_BYTES - bytes)
      bytes += part.length
      controller.enqueue(part)
      // A byte of a multi-byte character is never a bracket.
      for (const byte of part) brackets.closes(byte)
      if (bytes >= MAX_BYTES || brackets.isComplete) close(controller)
    },
    cancel(reason) {
      clearTimeout(timer)
      return reader.cancel(reason)
    },
  })
}
