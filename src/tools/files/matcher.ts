/**
 * Matches a regular expression against texts in a worker, because one that backtracks without end would hold the
 * process: the worker is ended when its caller's signal aborts.
 */
import { Worker } from 'node:worker_threads'
import { messageOf } from '../../foreign.ts'
import { toolFailure } from '../failure.ts'

export type Matches = readonly { readonly line: number; readonly text: string }[]

export class Matcher implements AsyncDisposable {
  readonly #worker: Worker
  readonly #signal: AbortSignal
  #answer: ((matches: Matches) => void) | undefined
  readonly #gone = Promise.withResolvers<never>()

  /** `most`: how many matching lines of one text are answered. */
  constructor({ source, flags }: RegExp, { most, signal }: { readonly most: number; readonly signal: AbortSignal }) {
    this.#signal = signal
    this.#gone.promise.catch(() => {})
    this.#worker = new Worker(`(${inWorker.toString()})()`, {
      eval: true,
      workerData: { source, flags, most },
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: 128 },
    })
    this.#worker.on('message', (matches: Matches) => this.#answer?.(matches))
    this.#worker.on('error', (error: unknown) =>
      this.#gone.reject(toolFailure('unavailable', `the search failed: ${messageOf(error)}`)),
    )
    signal.addEventListener('abort', this.#stop, { once: true })
    if (signal.aborted) this.#stop()
  }

  /** The lines of a text that match. One text at a time. */
  async matches(text: string): Promise<Matches> {
    const { promise, resolve } = Promise.withResolvers<Matches>()
    this.#answer = resolve
    this.#worker.postMessage(text)
    return await Promise.race([promise, this.#gone.promise])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal.removeEventListener('abort', this.#stop)
    await this.#worker.terminate()
  }

  readonly #stop = (): void => {
    this.#gone.reject(toolFailure('unavailable', 'the search was stopped'))
    void this.#worker.terminate()
  }
}

interface WorkerData {
  readonly source: string
  readonly flags: string
  readonly most: number
}

/** Runs in the worker as a text of its own: it must not name anything outside of itself. */
function inWorker(): void {
  const threads = process.getBuiltinModule('node:worker_threads')
  const { parentPort } = threads
  const { source, flags, most } = threads.workerData as WorkerData
  const pattern = new RegExp(source, flags)
  parentPort?.on('message', (text: string) => {
    const found: { line: number; text: string }[] = []
    let line = 0
    for (const one of text.split('\n')) {
      line++
      const plain = one.endsWith('\r') ? one.slice(0, -1) : one
      if (!pattern.test(plain)) continue
      found.push({ line, text: plain.slice(0, 1000) })
      if (found.length >= most) break
    }
    // A text that ends with a line end has no line behind it.
    if (text.endsWith('\n') && found.at(-1)?.line === line && found.at(-1)?.text === '') found.pop()
    parentPort.postMessage(found)
  })
}
