/** The prompt of a command: the text on the command line, and after it what was piped in. */
import { fstatSync } from 'node:fs'
import { MeerkatError } from '../../errors.ts'
import type { Output } from './output.ts'

/**
 * How long stdin may be silent before it is ignored, where it is a channel and the command has a prompt already: a
 * parent process may open a channel and never use it.
 */
const CHANNEL_BEGINS_MS = 150
/** The same for a pipe, which is more often meant: the program at the other end may need a while to begin. */
const PIPE_BEGINS_MS = 3_000
/** After this time the person is told that the command waits for the end of stdin. */
const TOLD_AFTER_MS = 1_000
const MAX_BYTES = 16 * 2 ** 20

export interface PromptOptions {
  /** `false` ignores stdin, `true` reads it to its end however long that takes. */
  readonly stdin: boolean | undefined
  readonly output: Pick<Output, 'warn'>
}

/** The whole prompt; undefined: there is none. */
export async function readPrompt(written: string | undefined, options: PromptOptions): Promise<string | undefined> {
  const piped = options.stdin === false ? '' : await readPiped(written !== undefined, options)
  const parts = [written ?? '', piped.trimEnd()].filter(part => part.trim() !== '')
  return parts.length === 0 ? undefined : parts.join('\n\n')
}

async function readPiped(mayBeIdle: boolean, { stdin, output }: PromptOptions): Promise<string> {
  const kind = stdinKind()
  if (kind === 'none') return ''
  if (mayBeIdle && stdin !== true && kind !== 'file' && !(await begins(kind, output))) return ''
  const told = tellWhoWaits(output)
  try {
    const content = await readAll()
    if (content.length <= MAX_BYTES) return content
  } finally {
    told()
  }
  throw new MeerkatError('too-large', `stdin has more than ${MAX_BYTES} characters: send a file's name instead`)
}

/** Tells the person that the command waits for the end of stdin, which they may not know. */
export function tellWhoWaits(output: PromptOptions['output']): () => void {
  const text = 'meerkat: reading stdin until it ends (Ctrl-D, or the program that writes it, ends it)'
  const timer = setTimeout(() => output.warn(text), TOLD_AFTER_MS)
  return () => clearTimeout(timer)
}

async function readAll(): Promise<string> {
  const { text } = await import('node:stream/consumers')
  return text(process.stdin)
}

function stdinKind(): 'none' | 'file' | 'pipe' | 'channel' {
  try {
    const stat = fstatSync(0)
    if (stat.isFile()) return 'file'
    if (stat.isFIFO()) return 'pipe'
    return stat.isSocket() ? 'channel' : 'none'
  } catch {
    // stdin is closed.
    return 'none'
  }
}

/** Whether data or the end comes in time. */
async function begins(kind: 'pipe' | 'channel', output: PromptOptions['output']): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const { stdin } = process
  const begun = (): void => resolve(true)
  stdin.once('readable', begun).once('end', begun).once('error', begun)
  const timer = setTimeout(() => resolve(false), kind === 'pipe' ? PIPE_BEGINS_MS : CHANNEL_BEGINS_MS)
  try {
    const hasBegun = await promise
    if (!hasBegun) {
      stdin.destroy()
      if (kind === 'pipe') output.warn(NOTHING_CAME)
    }
    return hasBegun
  } finally {
    clearTimeout(timer)
    stdin.off('readable', begun).off('end', begun).off('error', begun)
  }
}

const NOTHING_CAME = `meerkat: nothing came from stdin within ${PIPE_BEGINS_MS / 1_000} s, answering without it (--stdin waits for it, --no-stdin does not look)`
