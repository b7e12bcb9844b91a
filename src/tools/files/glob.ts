/**
 * Whether a path fits a glob: `*`, `?`, `**`, `[a-z]`, `{a,b}`; a glob without a slash is about the last name of a path.
 *
 * In time that grows with the path times the glob, whatever they are: a model's glob must not hang the process.
 */
import { toolFailure } from '../failure.ts'

const MAX_GLOB_CHARS = 1000
const MAX_ALTERNATIVES = 256

type Token =
  | { readonly type: 'char'; readonly fits: (char: string) => boolean }
  /** Any characters; `deep`: slashes too. */
  | { readonly type: 'any'; readonly deep: boolean }
  /** Whole folders, as many as there are, or none: two tokens, where a folder may begin and within its name. */
  | { readonly type: 'folders' }
  | { readonly type: 'folder' }

/** Makes the check. Throws a failure for a glob that is too long, or excludes. */
export function globOf(glob: string): (path: string) => boolean {
  if (glob.length > MAX_GLOB_CHARS || glob.startsWith('!'))
    throw toolFailure(
      'refused',
      `a glob has at most ${MAX_GLOB_CHARS} characters, and says what fits: none begins with !`,
    )
  const whole = glob.replace(/^\.?\//, '')
  const patterns = alternatives(whole).map(one => ({ tokens: tokensOf(one), isName: !one.includes('/') }))
  return path => {
    const name = path.slice(path.lastIndexOf('/') + 1)
    return patterns.some(({ tokens, isName }) => fits(tokens, isName ? name : path))
  }
}

/** The glob with each `{a,b}` written out. */
function alternatives(glob: string): readonly string[] {
  let done: readonly string[] = ['']
  let rest = glob
  for (;;) {
    const group = /^([^{]*)\{([^{}]*)\}/.exec(rest)
    if (group === null) return done.map(one => one + rest)
    const [all, before = '', inner = ''] = group
    done = done.flatMap(one => inner.split(',').map(choice => one + before + choice))
    if (done.length > MAX_ALTERNATIVES)
      throw toolFailure('refused', `the glob has more than ${MAX_ALTERNATIVES} alternatives`)
    rest = rest.slice(all.length)
  }
}

function tokensOf(glob: string): readonly Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < glob.length; ) {
    const rest = glob.slice(at)
    const part = /^(?:\*\*\/|\*+|\?|\[!?[^\]]+\]|\\.|[\s\S])/u.exec(rest)?.[0] ?? rest
    at += part.length
    tokens.push(...tokenOf(part))
  }
  return tokens
}

function tokenOf(part: string): readonly Token[] {
  if (part === '**/') return [{ type: 'folders' }, { type: 'folder' }]
  if (part.startsWith('*')) return [{ type: 'any', deep: part.length > 1 }]
  if (part === '?') return [{ type: 'char', fits: char => char !== '/' }]
  if (part.startsWith('[') && part.length > 2) return [{ type: 'char', fits: classOf(part) }]
  const literal = part.startsWith('\\') && part.length > 1 ? part.slice(1) : part
  return [{ type: 'char', fits: char => char === literal }]
}

function classOf(part: string): (char: string) => boolean {
  const isNot = part[1] === '!'
  const inner = Array.from(part.slice(isNot ? 2 : 1, -1))
  return char => {
    if (char === '/') return false
    const isIn = inner.some((from, index) => {
      const to = inner[index + 1] === '-' ? inner[index + 2] : undefined
      return to === undefined ? from === char : from <= char && char <= to
    })
    return isIn !== isNot
  }
}

/** Follows all ways through the glob at once, one character of the path at a time. */
function fits(tokens: readonly Token[], path: string): boolean {
  let places = reach(tokens, [0])
  for (const char of path) {
    const next = new Set<number>()
    for (const place of places) {
      const to = follow(tokens[place], place, char)
      if (to !== undefined) next.add(to)
    }
    if (next.size === 0) return false
    places = reach(tokens, next)
  }
  return places.has(tokens.length)
}

/** The place behind a character. */
function follow(token: Token | undefined, place: number, char: string): number | undefined {
  switch (token?.type) {
    case 'char':
      return token.fits(char) ? place + 1 : undefined
    case 'any':
      return token.deep || char !== '/' ? place : undefined
    case 'folders':
      return char === '/' ? undefined : place + 1
    case 'folder':
      return char === '/' ? place - 1 : place
    case undefined:
      return undefined
  }
}

/** Places that are reached without a character: behind what may stand for nothing. */
function reach(tokens: readonly Token[], from: Iterable<number>): ReadonlySet<number> {
  const places = new Set<number>()
  for (const start of from) {
    let place = start
    places.add(place)
    for (let type = tokens[place]?.type; type === 'any' || type === 'folders'; type = tokens[place]?.type) {
      place += type === 'any' ? 1 : 2
      places.add(place)
    }
  }
  return places
}
