/**
 * Parses the command line by the table of commands.
 *
 * Flags may stand anywhere after the command's name, as `--flag value`, `--flag=value`, `-f value` or `-fvalue`; `--`
 * ends them. The parser is our own, because loading a library for it takes longer than everything else that `--help`
 * does.
 */
import type { CommandGroup, CommandRow } from './command-row.ts'
import { COMMANDS } from './command-table.ts'
import { usage } from './failure.ts'
import { keyOf } from './flag-key.ts'

export type Parsed =
  | { readonly type: 'version' }
  /** The help of a command, or of all commands of a group. */
  | { readonly type: 'help'; readonly row?: CommandRow; readonly among?: Commands }
  /** The rest has to be parsed by the group's own commands. */
  | { readonly type: 'group'; readonly group: CommandGroup; readonly rest: readonly string[] }
  | {
      readonly type: 'call'
      readonly row: CommandRow
      /** By the flag's name in camelCase: its text, or `true` or `false` for a flag without a value. */
      readonly flags: Readonly<Record<string, string | boolean>>
      /** In the order of the row; a list where the row says `...`. */
      readonly args: readonly (string | readonly string[] | undefined)[]
    }

/** A set of commands: those of a group, whose names begin with the group's. */
export interface Commands {
  readonly group: CommandGroup
  readonly rows: readonly CommandRow[]
}

interface Flag {
  readonly spellings: readonly string[]
  /** As the row writes it. */
  readonly written: string
  readonly key: string
  readonly takesValue: boolean
  /** `--no-x` switches `x` off. */
  readonly negates: boolean
}

const HELP = ['-h', '--help']
const VERSION = ['-V', '--version']

/** Parses the words; refuses what no row of the table allows. */
export function parseArgs([first, ...rest]: readonly string[], among?: Commands): Parsed {
  const all: Parsed = { type: 'help', ...(among && { among }) }
  if (first === undefined || HELP.includes(first)) return all
  if (among === undefined && VERSION.includes(first)) return { type: 'version' }
  if (first === 'help') return helpOn(rest, among) ?? all
  if (first.startsWith('-') && first !== '-') {
    const known = among === undefined ? [...HELP, ...VERSION] : HELP
    throw refused(`unknown option '${first}'`, nearest(first, known), among?.group)
  }
  const row = rowOf(first, among)
  return 'actions' in row ? { type: 'group', group: row, rest } : parseCall(row, rest)
}

function helpOn([word, ...rest]: readonly string[], among: Commands | undefined): Parsed | undefined {
  if (word === undefined) return undefined
  const row = rowOf(word, among)
  return 'actions' in row ? { type: 'group', group: row, rest: ['help', ...rest] } : { type: 'help', row }
}

function rowOf(word: string, among: Commands | undefined): CommandRow | CommandGroup {
  const { rows, before } = among === undefined ? { rows: COMMANDS, before: '' } : beneath(among)
  const row = rows.find(({ name }) => name === `${before}${word}`)
  if (row !== undefined) return row
  const words = rows.map(({ name }) => name.slice(before.length))
  throw refused(`unknown command '${before}${word}'`, nearest(word, words), among?.group)
}

function beneath({ group, rows }: Commands): { readonly rows: readonly CommandRow[]; readonly before: string } {
  return { rows, before: `${group.name} ` }
}

function parseCall(row: CommandRow, words: readonly string[]): Parsed {
  const known = row.options.map(([written]) => flagOf(written))
  const flags: Record<string, string | boolean> = {}
  const operands: string[] = []
  const left = expanded(words, known)
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    if (word === '--') operands.push(...left.splice(0))
    else if (HELP.includes(word)) return { type: 'help', row }
    else if (!looksLikeFlag(word)) operands.push(word)
    else {
      const flag = flagNamed(row, known, word)
      const value = flag.takesValue ? left.shift() : !flag.negates
      if (value === undefined) throw refused(`option '${flag.written}' argument missing`, undefined, row)
      flags[flag.key] = value
    }
  }
  return { type: 'call', row, flags, args: argsOf(row, operands) }
}

function flagNamed(row: CommandRow, known: readonly Flag[], word: string): Flag {
  const [name = word] = word.split('=')
  const flag = known.find(({ spellings }) => spellings.includes(name))
  if (flag === undefined) {
    const spellings = [...HELP, ...known.flatMap(one => one.spellings)]
    throw refused(`unknown option '${name}'`, nearest(name, spellings), row)
  }
  if (name !== word) throw refused(`option '${flag.written}' takes no value`, undefined, row)
  return flag
}

/** A minus before a number is a sign, not a flag. */
function looksLikeFlag(word: string): boolean {
  return /^-./.test(word) && !/^-[\d.]+$/.test(word)
}

/** `--flag=value` and `-fvalue` as two words, and `-ab` as `-a -b`; the value of another flag stays as it is. */
function expanded(words: readonly string[], known: readonly Flag[]): string[] {
  const out: string[] = []
  let isValue = false
  for (const [index, word] of words.entries()) {
    if (word === '--' && !isValue) return [...out, ...words.slice(index)]
    const parts: readonly string[] = isValue ? [word] : split(word, known)
    out.push(...parts)
    isValue = !isValue && parts.length === 1 && takesValue(word, known)
  }
  return out
}

function split(word: string, known: readonly Flag[]): readonly string[] {
  const long = /^(--[\w-]+)=(.*)$/s.exec(word)
  if (long?.[1] !== undefined) return takesValue(long[1], known) ? [long[1], long[2] ?? ''] : [word]
  const short = /^(-[a-zA-Z])(.+)$/s.exec(word)
  if (short?.[1] === undefined || short[2] === undefined) return [word]
  const flag = known.find(({ spellings }) => spellings.includes(short[1] ?? ''))
  if (flag === undefined) return [word]
  return flag.takesValue ? [short[1], short[2]] : [short[1], ...split(`-${short[2]}`, known)]
}

function takesValue(name: string, known: readonly Flag[]): boolean {
  return known.some(flag => flag.takesValue && flag.spellings.includes(name))
}

/** `-s, --session <id>`, `--json`, `--no-stdin`. */
function flagOf(written: string): Flag {
  const spellings = written.match(/(?<=^|\s)--?[\w-]+/g) ?? []
  const name = spellings.at(-1)?.replace(/^--(no-)?/, '') ?? ''
  const key = keyOf(name)
  return { spellings, written, key, takesValue: written.includes('<'), negates: written.includes('--no-') }
}

function argsOf(row: CommandRow, operands: readonly string[]): readonly (string | readonly string[] | undefined)[] {
  const wanted = (row.args ?? []).map(([form]) => form)
  const missing = wanted.findIndex((form, index) => form.startsWith('<') && operands[index] === undefined)
  if (missing >= 0) throw refused(`missing required argument '${plain(wanted[missing] ?? '')}'`, undefined, row)
  const takesAll = wanted.at(-1)?.includes('...') === true
  if (operands.length > wanted.length && !takesAll) {
    const least = `${wanted.length} argument${wanted.length === 1 ? '' : 's'}`
    const got = `got ${operands.length}: ${operands.join(', ')}`
    throw refused(`too many arguments for '${row.name}'. Expected ${least} but ${got}`, undefined, row)
  }
  return wanted.map((form, index) => (form.includes('...') ? operands.slice(index) : operands[index]))
}

/** The name of an argument without its brackets. */
export function plain(form: string): string {
  return form.replaceAll(/[<>[\].]/g, '')
}

function refused(what: string, meant: string | undefined, row?: Pick<CommandRow, 'name'>): Error {
  const help = row === undefined ? 'meerkat --help' : `meerkat ${row.name} --help`
  return usage(meant === undefined ? `${what}: see ${help}` : `${what} - did you mean ${meant}?`)
}

/** The known word that was most likely meant, if one is similar enough. */
function nearest(word: string, known: readonly string[]): string | undefined {
  const near = known
    .filter(one => one.startsWith('--') === word.startsWith('--') && one.length > 2)
    .map(one => ({ one, steps: distance(word, one) }))
    .filter(({ one, steps }) => steps <= Math.max(1, Math.floor(Math.max(word.length, one.length) * 0.4)))
  return near.toSorted((a, b) => a.steps - b.steps)[0]?.one
}

/** Letters to add, drop, change or swap (Damerau and Levenshtein's optimal string alignment). */
function distance(a: string, b: string): number {
  let before: readonly number[] = []
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const isSwap = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const costs = [at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)]
      row.push(Math.min(...costs, isSwap ? at(before, j - 2) + 1 : Infinity))
    }
    before = last
    last = row
  }
  return at(last, b.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity
}
