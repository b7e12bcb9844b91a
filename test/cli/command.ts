/** Runs the command line as a user does: a real process, in a folder of its own, with a clean environment. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { expect } from 'vitest'

export const ROOT: string = join(import.meta.dirname, '../..')
const SOURCE = join(ROOT, 'src/surfaces/cli/main.ts')
/** The built command. It starts faster, so tests take it while it is what the source says. */
export const BUILT: string = join(ROOT, 'dist/surfaces/cli/main.js')
const MAIN = isBuilt() ? BUILT : SOURCE

function isBuilt(): boolean {
  if (!existsSync(BUILT)) return false
  const builtAt = statSync(BUILT).mtimeMs
  return globSync('src/**/*.ts', { cwd: ROOT }).every(path => statSync(join(ROOT, path)).mtimeMs < builtAt)
}

/** Far beyond what anything here takes: a command that hangs fails its test with what it said so far. */
const PATIENCE_MS = 18_000

export interface Ended {
  /** Exit status; a signal's name where one ended the process. */
  readonly status: number | NodeJS.Signals
  readonly stdout: string
  readonly stderr: string
}

interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>
  /** What stdin holds; nothing unless told. */
  readonly input?: string
  /** Nobody closes stdin. */
  readonly keepInputOpen?: boolean
  /** Another program than the source, such as the built one. */
  readonly main?: string
  /** How large a file of it may become, in blocks of 512 bytes: beyond, its disk is full. */
  readonly fileBlocks?: number
}

/** A folder for one test, and the commands that run in it. */
export class Folder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), 'meerkat-cli-'))
  readonly #running = new Set<Running>()

  /** Starts a command. */
  start(args: readonly string[], options: CommandOptions = {}): Running {
    const running = new Running(this.path, args, options)
    this.#running.add(running)
    return running
  }

  /** Runs a command to its end. */
  run(...args: readonly string[]): Promise<Ended> {
    return this.start(args).ended
  }

  file(name: string): string {
    return join(this.path, name)
  }

  [Symbol.dispose](): void {
    for (const running of this.#running) running.kill('SIGKILL')
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** A command that runs. */
export class Running {
  readonly ended: Promise<Ended>
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #waiting = new Set<() => void>()
  #stdout = ''
  #stderr = ''
  #status: Ended['status'] | undefined

  constructor(
    cwd: string,
    args: readonly string[],
    { env = {}, input = '', keepInputOpen = false, main = MAIN, fileBlocks }: CommandOptions,
  ) {
    const limits = fileBlocks === undefined ? [] : ['/bin/sh', '-c', `ulimit -f ${fileBlocks} && exec "$@"`, 'sh']
    const [program = '', ...rest] = [...limits, process.execPath, main, ...args]
    this.#child = spawn(program, rest, {
      cwd,
      env: { PATH: process.env['PATH'], HOME: cwd, NODE_NO_WARNINGS: '1', ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#child.stdin.on('error', () => {})
    if (!keepInputOpen) this.#child.stdin.end(input)
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => this.#hear(() => (this.#stdout += text)))
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => this.#hear(() => (this.#stderr += text)))
    const { promise, resolve } = Promise.withResolvers<Ended>()
    this.#child.once('close', (code, signal) => {
      const status = code ?? signal ?? -1
      this.#hear(() => (this.#status = status))
      resolve({ status, stdout: this.#stdout, stderr: this.#stderr })
    })
    this.ended = promise
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Resolves when the output holds the text (behind what was waited for before it is not required); fails if the command ends without. */
  shows(text: string | RegExp): Promise<string> {
    return this.#wait(() => find(this.#stdout, text), `stdout never showed ${String(text)}`)
  }

  /** The same for stderr. */
  warns(text: string | RegExp): Promise<string> {
    return this.#wait(() => find(this.#stderr, text), `stderr never showed ${String(text)}`)
  }

  type(text: string): void {
    this.#child.stdin.write(text)
  }

  endInput(): void {
    this.#child.stdin.end()
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Closes our end of its stdout, as `head` does when it has enough. */
  stopReading(): void {
    this.#child.stdout.destroy()
  }

  #hear(note: () => void): void {
    note()
    for (const check of this.#waiting) check()
  }

  async #wait(look: () => string | undefined, problem: string): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const fail = (): void => reject(new Error(`${problem}\nstdout: ${this.#stdout}\nstderr: ${this.#stderr}`))
    const check = (): void => {
      const found = look()
      if (found !== undefined) resolve(found)
      else if (this.#status !== undefined) fail()
    }
    const late = setTimeout(() => fail(), PATIENCE_MS)
    this.#waiting.add(check)
    check()
    try {
      return await promise
    } finally {
      clearTimeout(late)
      this.#waiting.delete(check)
    }
  }
}

function find(output: string, text: string | RegExp): string | undefined {
  if (typeof text === 'string') return output.includes(text) ? text : undefined
  const match = text.exec(output)
  return match === null ? undefined : (match[1] ?? match[0])
}

/** The lines of an output that is JSON, one object a line, and nothing else. */
export function jsonLines(output: string): readonly Readonly<Record<string, unknown>>[] {
  const lines = output.split('\n')
  if (lines.pop() !== '') throw new Error(`the output does not end with a line end: ${output.slice(-200)}`)
  return lines.map(line => {
    const value: unknown = JSON.parse(line)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`not an object: ${line}`)
    return value as Readonly<Record<string, unknown>>
  })
}

/** In an expected object: any text that matches. */
export function matching(pattern: RegExp): unknown {
  return expect.stringMatching(pattern)
}

/** In an expected object: any text that holds this one. */
export function holding(text: string): unknown {
  return expect.stringContaining(text)
}
