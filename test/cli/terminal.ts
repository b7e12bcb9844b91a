/** The command line in a terminal of its own, as a person has it. */
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { BUILT, type Folder } from './command.ts'

/** Why there is no terminal on this machine; undefined where there is. */
export const noTerminal: string | undefined =
  spawnSync('python3', ['-c', 'import pty']).status === 0 ? undefined : 'no python3 to open a terminal with'

/** Copies between our pipes and a terminal in which the command runs. */
const TERMINAL = 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)'
const PATIENCE_MS = 18_000

export class Terminal implements Disposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #ended: Promise<number | null>
  #screen = ''
  #check: () => void = () => {}

  constructor(folder: Folder, args: readonly string[]) {
    this.#child = spawn('python3', ['-c', TERMINAL, process.execPath, BUILT, ...args], {
      cwd: folder.path,
      env: { PATH: process.env['PATH'], HOME: folder.path, TERM: 'xterm', NODE_NO_WARNINGS: '1' },
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    this.#child.stdin.on('error', () => {})
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#screen += text
      this.#check()
    })
    const { promise, resolve } = Promise.withResolvers<number | null>()
    this.#child.once('close', resolve)
    this.#ended = promise
  }

  /** Everything that was written to the terminal so far. */
  get screen(): string {
    return this.#screen
  }

  /** Resolves when the text stands on the screen, behind `after` where that is given; answers where it ends. */
  async shows(text: string, after = 0): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    const late = setTimeout(
      () => reject(new Error(`the screen never showed ${JSON.stringify(text)}: ${JSON.stringify(this.#screen)}`)),
      PATIENCE_MS,
    )
    this.#check = () => {
      const at = this.#screen.indexOf(text, after)
      if (at >= 0) resolve(at + text.length)
    }
    this.#check()
    try {
      return await promise
    } finally {
      clearTimeout(late)
      this.#check = () => {}
    }
  }

  type(text: string): void {
    this.#child.stdin.write(text)
  }

  ended(): Promise<number | null> {
    return this.#ended
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL')
  }
}
