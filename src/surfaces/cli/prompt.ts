/** The prompt of a command: what was written on the command line, and behind it what was piped in. */
import { fstatSync } from 'node:fs'
import { MeerkatError } from '../../errors.ts'

/**
 * A parent that opens a channel to our stdin and never uses it must not hold a command that has its prompt already. It
 * gets this long to begin. Pipes and files of a shell have an end, and are read to it.
 */
const BEGIN_WITHIN_MS = 150
const MAX_BYTES = 16 * 2 ** 20

/** The whole prompt; `undefined` if there is none. */
export async function readPrompt(
  written: string | undefined,
  options: { readonly stdin: boolean },
): Promise<string | undefined> {
  const piped = options.stdin ? await readPiped(written !== undefined) : ''
  const parts = [written ?? '', piped.trimEnd()].filter(part => part.trim() !== '')
  return parts.length === 0 ? undefined : parts.join('\n\n')
}

async function readPiped(mayBeIdle: boolean): Promise<string> {
  const kind = stdinKind()
  if (kind === 'none') return ''
  if (kind === 'channel' && mayBeIdle && !(await begins())) return ''
  const content = await readAll()
  if (content.length > MAX_BYTES)
    throw new MeerkatError('too-large', `stdin has more than ${MAX_BYTES} characters: send a file's name instead`)
  return content
}

async function readAll(): Promise<string> {
  const { text } = await import('node:stream/consumers')
  return text(process.stdin)
}

function stdinKind(): 'none' | 'stream' | 'channel' {
  try {
    const stat = fstatSync(0)
    if (stat.isFIFO() || stat.isFile()) return 'stream'
    return stat.isSocket() ? 'channel' : 'none'
  } catch {
    // A closed stdin.
    return 'none'
  }
}

/** Whether something (be it the end) comes in time. */
async function begins(): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const { stdin } = process
  const begun = (): void => resolve(true)
  stdin.once('readable', begun).once('end', begun).once('error', begun)
  const timer = setTimeout(() => resolve(false), BEGIN_WITHIN_MS)
  try {
    const hasBegun = await promise
    if (!hasBegun) stdin.destroy()
    return hasBegun
  } finally {
    clearTimeout(timer)
    stdin.off('readable', begun).off('end', begun).off('error', begun)
  }
}
