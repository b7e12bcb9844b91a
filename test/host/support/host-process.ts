/** Starts host processes, and asks them to do things. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { Act, HostPlan } from './host-main.ts'

const MAIN = fileURLToPath(new URL('./host-main.ts', import.meta.url))

export interface HostProcess {
  readonly child: ChildProcessWithoutNullStreams
  /** What came of it; an error is an object with `error`. */
  readonly ask: (act: Act) => Promise<unknown>
  /** Resolves when it performs this many refreshes or has performed them. */
  readonly performs: (count: number) => Promise<void>
  /** The fences of the refreshes that it performed so far. */
  readonly performed: () => readonly number[]
  /** Everything it printed. */
  readonly output: () => string
  readonly kill: () => Promise<void>
}

interface Line {
  readonly id?: number
  readonly told?: 'ready' | 'performing'
  readonly fence?: number
  readonly value?: unknown
  readonly error?: unknown
}

export async function startHost(plan: HostPlan): Promise<HostProcess> {
  const child = spawn(process.execPath, [MAIN, JSON.stringify(plan)])
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = once(child, 'close')
  const ready = Promise.withResolvers<void>()
  const asked: ((answer: unknown) => void)[] = []
  const waiting: { readonly count: number; readonly resolve: () => void }[] = []
  const performed: number[] = []
  let output = ''
  child.stderr.on('data', chunk => {
    output += String(chunk)
  })
  createInterface({ input: child.stdout }).on('line', line => {
    output += `${line}\n`
    const { id, told, fence = 0, value, error } = JSON.parse(line) as Line
    if (told === 'ready') ready.resolve()
    if (told === 'performing') performed.push(fence)
    for (const { count, resolve } of waiting) if (performed.length >= count) resolve()
    if (id !== undefined) asked[id]?.(error === undefined ? value : { error })
  })
  void ended.then(() => ready.reject(new Error(`the host process ended:\n${output}`)))
  await ready.promise
  return {
    child,
    ask: act =>
      new Promise(resolve => {
        asked.push(resolve)
        child.stdin.write(`${JSON.stringify({ id: asked.length - 1, ...act })}\n`)
      }),
    performs: count =>
      new Promise(resolve => (performed.length >= count ? resolve() : waiting.push({ count, resolve }))),
    performed: () => performed,
    output: () => output,
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}
