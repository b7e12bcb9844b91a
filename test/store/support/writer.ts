/** Starts processes that write a store, and reads what they were answered. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { WriterPlan } from './writer-main.ts'

const MAIN = fileURLToPath(new URL('./writer-main.ts', import.meta.url))

/** A commit that the process was told is durable. */
export interface Answer {
  readonly session: string
  readonly at: number
  readonly position: number
}

export interface WriterProcess {
  readonly child: ChildProcessWithoutNullStreams
  /** What it was answered so far. */
  readonly answers: readonly Answer[]
  /** Done with all its commits. */
  readonly done: Promise<void>
  /** Ended, by itself or otherwise, with all its output read. */
  readonly ended: Promise<{
    readonly signal: NodeJS.Signals | null
    readonly code: number | null
    readonly stderr: string
  }>
  /** Resolves when it was answered this often. */
  readonly answered: (count: number) => Promise<void>
}

export interface WriterLaunch extends WriterPlan {
  /** How large a file of the process may become, in blocks of 512 bytes. */
  readonly fileBlocks?: number
}

export function startWriter({ fileBlocks, ...plan }: WriterLaunch): WriterProcess {
  const limits = fileBlocks === undefined ? '' : `ulimit -f ${fileBlocks} && `
  const command = [process.execPath, MAIN, JSON.stringify(plan)]
  const child = spawn('/bin/sh', ['-c', `${limits}exec "$@"`, 'sh', ...command])
  onTestFinished(() => void child.kill('SIGKILL'))
  const answers: Answer[] = []
  const done = Promise.withResolvers<void>()
  const waiting: { readonly count: number; readonly resolve: () => void }[] = []
  createInterface({ input: child.stdout }).on('line', line => {
    if (line === 'done') return done.resolve()
    const [session = '', at, position] = line.split(' ')
    answers.push({ session, at: Number(at), position: Number(position) })
    for (const { count, resolve } of waiting) if (answers.length >= count) resolve()
  })
  let stderr = ''
  child.stderr.on('data', chunk => {
    stderr += String(chunk)
  })
  const ended = once(child, 'close').then(([code, signal]) => {
    return { signal: signal as NodeJS.Signals | null, code: code as number | null, stderr }
  })
  const answered = (count: number): Promise<void> =>
    new Promise(resolve => (answers.length >= count ? resolve() : waiting.push({ count, resolve })))
  return { child, answers, done: done.promise, ended, answered }
}
