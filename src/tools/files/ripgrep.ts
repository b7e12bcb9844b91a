/** Runs ripgrep, where there is one: bounded in time and output, without a shell, and with nothing of our environment. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import type { Readable } from 'node:stream'
import { toolFailure } from '../failure.ts'
import type { Folder, Roots } from './roots.ts'

/** The path of the program; undefined: there is none. */
export type Ripgrep = string | undefined

/** More output than this is not read. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024
const MAX_ERROR_CHARS = 2000

export interface Run {
  readonly args: readonly string[]
  /** Where it works. */
  readonly folder: Folder
  readonly signal: AbortSignal
  /** What ends a line. */
  readonly end: '\n' | '\0'
}

/** Looks for the program in PATH. One that lies within the roots is none: a model might have written it. */
export function findRipgrep(roots: Roots, path: string = process.env['PATH'] ?? ''): Ripgrep {
  const name = process.platform === 'win32' ? 'rg.exe' : 'rg'
  return path
    .split(delimiter)
    .filter(folder => isAbsolute(folder) && !roots.reaches(folder))
    .map(folder => join(folder, name))
    .find(isProgram)
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * Its output by lines; undefined where it can't be started. Throws a failure with what it said of arguments that it does
 * not understand.
 */
export async function rgLines(rg: Ripgrep, run: Run): Promise<AsyncIterable<Buffer> | undefined> {
  if (rg === undefined) return undefined
  const child = spawn(rg, run.args, { cwd: run.folder.forOthers, env: {}, stdio: ['ignore', 'pipe', 'pipe'] })
  const started = Promise.withResolvers<boolean>()
  child.once('spawn', () => started.resolve(true))
  child.once('error', () => started.resolve(false))
  return (await started.promise) ? linesOf(child, run) : undefined
}

type Child = ChildProcessByStdio<null, Readable, Readable>

async function* linesOf(child: Child, { signal, end }: Run): AsyncGenerator<Buffer, void, void> {
  const ended = Promise.withResolvers<number | null>()
  child.once('close', code => ended.resolve(code))
  const stop = (): void => void child.kill('SIGKILL')
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (complaint.length < MAX_ERROR_CHARS) complaint += text
  })
  try {
    yield* split(child.stdout, end)
    const code = await ended.promise
    // 1: nothing was found. 2: what it was asked has no meaning, or some files could not be read.
    if (code === 2 && complaint !== '') throw toolFailure('refused', complaint.slice(0, MAX_ERROR_CHARS).trim())
  } finally {
    stop()
    signal.removeEventListener('abort', stop)
    await ended.promise
  }
}

async function* split(stream: Readable, end: '\n' | '\0'): AsyncGenerator<Buffer, void, void> {
  const mark = end.charCodeAt(0)
  let rest: Buffer[] = []
  let bytes = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_OUTPUT_BYTES) return
    let start = 0
    for (let at = chunk.indexOf(mark); at !== -1; at = chunk.indexOf(mark, start)) {
      yield Buffer.concat([...rest, chunk.subarray(start, at)])
      rest = []
      start = at + 1
    }
    if (start < chunk.length) rest.push(chunk.subarray(start))
  }
  if (rest.length > 0) yield Buffer.concat(rest)
}
