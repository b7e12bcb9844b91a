/** JSON-RPC over a pair of byte streams, one JSON message a line: stdin and stdout, or any other two. */
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { MeerkatError } from '../errors.ts'
import { aCount, aFunction, checkArgument, checkOptions, type Fields, optional, withMethods } from '../options.ts'
import { type ConnectionOptions, connection } from './json-rpc.ts'
import { LineReader } from './lines.ts'
import type { Callable } from './operation.ts'

export interface StdioOptions extends ConnectionOptions {
  readonly input?: Readable
  readonly output?: Writable
  /** The longest line that is accepted, in bytes; a longer one is refused, and the next one is read. */
  readonly maxLineBytes?: number
}

const OPTIONS: Fields<StdioOptions> = {
  input: optional(withMethods('a readable stream', 'on', 'destroy')),
  output: optional(withMethods('a writable stream', 'write', 'once', 'off')),
  maxLineBytes: optional(aCount),
  maxInFlight: optional(aCount),
  log: optional(aFunction),
}

/** Serves until the input ends and everything is answered, or the output is gone. The runtime stays open. */
export async function serveStdio(runtime: Callable, options: StdioOptions = {}): Promise<void> {
  checkArgument('serveStdio', 'runtime', runtime, withMethods('a runtime', 'call'))
  checkOptions('serveStdio', options, OPTIONS)
  const { input = process.stdin, output = process.stdout, maxLineBytes = 1_048_576 } = options
  const gone = new AbortController()
  const leave = (): void => gone.abort()
  output.once('error', leave).once('close', leave)
  const peer = connection(runtime, text => writeLine(output, text, gone.signal), options)
  const lines = new LineReader(maxLineBytes)
  const end = (): void => {
    peer.close()
    input.destroy()
  }
  gone.signal.addEventListener('abort', end)
  try {
    for await (const chunk of input as AsyncIterable<Uint8Array>) {
      for (const line of lines.push(chunk)) take(peer, line)
    }
    for (const line of lines.end()) take(peer, line)
    await peer.idle()
  } catch (error) {
    if (!gone.signal.aborted) throw error
  } finally {
    gone.signal.removeEventListener('abort', end)
    output.off('error', leave).off('close', leave)
    peer.close()
  }
}

function take(peer: ReturnType<typeof connection>, line: string | MeerkatError): void {
  if (line instanceof MeerkatError) peer.refuse(line)
  else if (line.trim() !== '') peer.receive(line)
}

async function writeLine(output: Writable, text: string, signal: AbortSignal): Promise<void> {
  if (!output.write(`${text}\n`)) await once(output, 'drain', { signal })
}
