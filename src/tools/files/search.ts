/**
 * Searches files for a pattern: with ripgrep where there is one, else by our own walk, where a worker matches.
 *
 * Bounded in time, results and characters, whatever the pattern: ripgrep's time grows with the text alone, and a worker
 * that does not come to an end is ended. What was found until then is told.
 */
import { systemClock } from '../../time.ts'
import { toolFailure } from '../failure.ts'
import { globOf } from './glob.ts'
import { kindOf } from './kinds.ts'
import { Matcher, type Matches } from './matcher.ts'
import { type Ripgrep, rgLines } from './ripgrep.ts'
import { type Folder, type OpenFile, quoted, type Roots } from './roots.ts'
import { RG_FILES, walk } from './walk.ts'

export interface Search {
  readonly pattern: string
  readonly path: string
  readonly glob?: string | undefined
  /** The pattern is the text itself. */
  readonly literal: boolean
  readonly ignoreCase: boolean
  readonly most: number
  readonly rg: Ripgrep
  readonly signal: AbortSignal
  /** Default 15 s. */
  readonly limitMs?: number
}

const LIMIT_MS = 15_000
/** Larger files are not searched: they are seldom written by people. */
const MAX_FILE_BYTES = 4 * 1024 * 1024
const MAX_LINE_CHARS = 300
const MAX_CHARS = 60_000

/** The matches, as the model is told them: a file, and its lines below it. */
export async function searchFiles(roots: Roots, search: Search): Promise<string> {
  const limit = new AbortController()
  const callOff = systemClock.after(search.limitMs ?? LIMIT_MS, () => limit.abort())
  const signal = AbortSignal.any([search.signal, limit.signal])
  const found = new Findings(search.most)
  try {
    await searchInto(found, roots, { ...search, signal })
  } catch (error) {
    if (!limit.signal.aborted || search.signal.aborted) throw error
  } finally {
    callOff()
  }
  search.signal.throwIfAborted()
  return found.told(limit.signal.aborted)
}

async function searchInto(found: Findings, roots: Roots, search: Search): Promise<void> {
  const fits = search.glob === undefined ? () => true : globOf(search.glob)
  const real = await roots.find(search.path)
  const file = await roots.file(search.path).catch(() => undefined)
  if (file !== undefined) return await oneFile(found, file, search)
  const folder = await roots.folder(search.path)
  const prefix = roots.shown(real) === '.' ? '' : `${roots.shown(real)}/`
  try {
    const lines = await rgLines(search.rg, { args: rgArgs(search), folder, signal: search.signal, end: '\n' })
    if (lines === undefined) return await byWalk(found, roots, { folder, prefix, fits, search })
    for await (const line of lines) {
      const match = matchOf(line)
      if (match !== undefined && fits(match.path)) found.add(prefix + match.path, [match])
      if (found.isFull) return
    }
  } finally {
    await folder.close()
  }
}

function rgArgs({ pattern, literal, ignoreCase, most }: Search): readonly string[] {
  return [
    ...RG_FILES,
    '--json',
    '--sort=path',
    `--max-count=${most + 1}`,
    `--max-filesize=${MAX_FILE_BYTES}`,
    ...(literal ? ['--fixed-strings'] : []),
    ...(ignoreCase ? ['--ignore-case'] : []),
    `--regexp=${pattern}`,
    '--',
    '.',
  ]
}

/** A line of ripgrep's JSON that is a match in a file whose name a path can say. */
function matchOf(line: Buffer): { readonly path: string; readonly line: number; readonly text: string } | undefined {
  const { type, data } = JSON.parse(line.toString('utf8')) as {
    readonly type: string
    readonly data: {
      readonly path?: { readonly text?: string }
      readonly line_number?: number | null
      readonly lines?: { readonly text?: string; readonly bytes?: string }
    }
  }
  const path = data.path?.text
  if (type !== 'match' || path === undefined || typeof data.line_number !== 'number') return undefined
  const text = data.lines?.text ?? Buffer.from(data.lines?.bytes ?? '', 'base64').toString('utf8')
  return { path: path.replace(/^\.\//, ''), line: data.line_number, text: text.replace(/\r?\n$/, '') }
}

interface Walked {
  readonly folder: Folder
  readonly prefix: string
  readonly fits: (path: string) => boolean
  readonly search: Search
}

async function byWalk(found: Findings, roots: Roots, { folder, prefix, fits, search }: Walked): Promise<void> {
  await using matcher = matcherOf(search)
  for await (const one of walk(roots, folder, search.signal)) {
    if (!fits(one.path)) continue
    const file = await roots.fileIn(one.folder, one.name, one.path).catch(() => undefined)
    if (file !== undefined) found.add(prefix + one.path, await matchesIn(matcher, file))
    if (found.isFull) return
  }
}

async function oneFile(found: Findings, file: OpenFile, search: Search): Promise<void> {
  await using matcher = matcherOf(search)
  found.add(file.shown, await matchesIn(matcher, file))
}

function matcherOf({ pattern, literal, ignoreCase, most, signal }: Search): Matcher {
  const source = literal ? pattern.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`) : pattern
  try {
    return new Matcher(new RegExp(source, ignoreCase ? 'iu' : 'u'), { most: most + 1, signal })
  } catch (error) {
    throw toolFailure(
      'refused',
      `the pattern can't be read: ${error instanceof Error ? error.message : 'it is wrong'}`,
      error,
    )
  }
}

/** Closes the file. */
async function matchesIn(matcher: Matcher, { handle, stats }: OpenFile): Promise<Matches> {
  try {
    if (stats.size > MAX_FILE_BYTES) return []
    // One byte more shows a file that grew meanwhile; it is searched as far as it was.
    const buffer = Buffer.alloc(stats.size)
    const { bytesRead } = await handle.read(buffer, 0, stats.size, 0)
    const bytes = buffer.subarray(0, bytesRead)
    const { kind, encoding } = kindOf(bytes)
    return kind === 'text' ? await matcher.matches(new TextDecoder(encoding).decode(bytes)) : []
  } finally {
    await handle.close()
  }
}

/** What is told of the matches. */
class Findings {
  readonly #most: number
  readonly #lines: string[] = []
  #count = 0
  #chars = 0
  #files = 0
  #newest: string | undefined

  constructor(most: number) {
    this.#most = most
  }

  /** Whether there is more than is told. */
  get isFull(): boolean {
    return this.#count > this.#most || this.#chars > MAX_CHARS
  }

  add(path: string, matches: Matches): void {
    for (const { line, text } of matches) {
      if (++this.#count > this.#most || this.#chars > MAX_CHARS) return
      if (path !== this.#newest) {
        this.#files++
        this.#lines.push(quoted(path))
        this.#newest = path
      }
      const shown = text.length > MAX_LINE_CHARS ? `${text.slice(0, MAX_LINE_CHARS).toWellFormed()} […]` : text
      this.#lines.push(`${line}\t${shown}`)
      this.#chars += shown.length + path.length + 8
    }
  }

  told(isLate: boolean): string {
    const shown = this.#lines.length - this.#files
    const cut = this.isFull ? '; there are more: search for less' : ''
    const late = isLate ? '; not all was searched, because it took too long: search less, or for something simpler' : ''
    const head = shown === 0 ? `nothing found${late}` : `${shown} lines in ${this.#files} files${cut}${late}`
    return [head, ...this.#lines].join('\n')
  }
}
