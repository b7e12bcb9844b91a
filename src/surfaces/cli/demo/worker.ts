/**
 * The worker of the tour: a process `meerkat rpc` with a store of its own, driven over stdin and stdout. It is killed
 * during its work, so a call to it may get no answer.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { MeerkatError } from '../../../errors.ts'
import type { OperationResult } from '../../operations.ts'
import type { Ask } from '../ask.ts'
import { isErrorCode } from '../failure.ts'

interface Waiting {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
}

export class Worker {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #waiting = new Map<number, Waiting>()
  readonly #ended: Promise<void>
  #stderr = ''
  #next = 1

  constructor(folder: string) {
    const [main = ''] = process.argv.slice(1)
    const store = 'sqlite:demo.db'
    this.#child = spawn(
      process.execPath,
      [...process.execArgv, main, 'rpc', '--model', 'demo/agent', '--store', store],
      {
        cwd: folder,
        env: withoutSettings(process.env),
        stdio: ['pipe', 'pipe', 'pipe'],
        // In a process group of its own: Ctrl-C goes to the tour, which then ends the worker.
        detached: true,
      },
    )
    const ended = Promise.withResolvers<void>()
    this.#ended = ended.promise
    this.#child.once('close', () => {
      this.#giveUp()
      ended.resolve()
    })
    this.#child.once('error', () => this.#giveUp())
    this.#child.stdin.on('error', () => {})
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-2000)
    })
    createInterface({ input: this.#child.stdout }).on('line', line => this.#hear(line))
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Calls an operation; fails if the worker dies before it answers. */
  readonly ask: Ask = async (name, params) => {
    const id = this.#next++
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#waiting.set(id, { resolve, reject })
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) this.#giveUp()
    else this.#child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method: name, params })}\n`)
    // The worker is this release, with the same operations table.
    return (await promise) as OperationResult<typeof name>
  }

  /** Ends it as a power cut would, without notice. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }

  #hear(line: string): void {
    const message = JSON.parse(line) as { readonly id?: unknown; readonly result?: unknown; readonly error?: RpcError }
    const waiting = typeof message.id === 'number' ? this.#waiting.get(message.id) : undefined
    if (waiting === undefined || typeof message.id !== 'number') return
    this.#waiting.delete(message.id)
    if (message.error === undefined) waiting.resolve(message.result)
    else waiting.reject(toError(message.error))
  }

  #giveUp(): void {
    const why = this.#stderr.trim().split('\n').at(-1) ?? ''
    for (const { reject } of this.#waiting.values())
      reject(new WorkerGone(`the worker is gone${why === '' ? '' : `: ${why}`}`))
    this.#waiting.clear()
  }
}

/** The worker died before it answered. */
class WorkerGone extends Error {
  override readonly name = 'WorkerGone'
}

interface RpcError {
  readonly message: string
  readonly data?: { readonly code?: unknown }
}

function toError({ message, data }: RpcError): MeerkatError {
  return new MeerkatError(isErrorCode(data?.code) ? data.code : 'internal', message)
}

/** The viewer's own settings must not affect the tour. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.startsWith('MEERKAT_') || name === 'MEERKAT_DEBUG'),
  )
}
