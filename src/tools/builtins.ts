/**
 * The tools that come with the package. Each is off until it is named.
 *
 * A row makes the tools of one name: to add one, write its options and its row. Rows only declare: the code behind a
 * tool is loaded with its first call.
 */
import type { AgentTool } from '../executor/agent/tool.ts'
import { anObject, checkOptions, type Field, invalidOption, optional } from '../options.ts'
import type { Builtin } from './builtin.ts'
import { FILES, type FilesOptions } from './files/files.ts'

/** The options of each, by its name. */
export interface BuiltinOptions {
  readonly files: FilesOptions
}

type Table = { readonly [Name in keyof BuiltinOptions]: Builtin<BuiltinOptions[Name]> }

const TABLE: Table = { files: FILES }

const NAMES = Object.keys(TABLE) as (keyof BuiltinOptions)[]

/** Which of its tools; default: those that its options switch on. */
interface Only {
  readonly only?: readonly string[]
}

/**
 * Built-in tools by their names: a list of names, or a record with `true` or options. A name is that of a row (`files`),
 * or in a list also that of one tool (`read_file`).
 */
export type Builtins =
  | readonly string[]
  | { readonly [Name in keyof BuiltinOptions]?: boolean | (BuiltinOptions[Name] & Only) }

export const aBuiltins: Field = {
  wanted: 'a list of names of built-in tools, or an object of their options',
  fits: value => anObject.fits(value) || (Array.isArray(value) && value.every(one => typeof one === 'string')),
}

/** Makes the tools. Throws `invalid-params` for a name that there is not, and for options that can't be meant. */
export function builtinTools(whose: string, builtins: Builtins): readonly AgentTool[] {
  const given = checkBuiltins(whose, builtins)
  return NAMES.flatMap(name => made(name, given[name]))
}

/** Checks the names and the form of the options, and answers them by the names of the rows. */
export function checkBuiltins(whose: string, builtins: Builtins): Readonly<Record<string, unknown>> {
  const place = { whose, path: 'builtins' }
  const given: Readonly<Record<string, unknown>> = isList(builtins) ? byName(place, builtins) : { ...builtins }
  refuseUnknown(place, Object.keys(given))
  for (const name of NAMES) {
    if (typeof given[name] === 'boolean' || given[name] === undefined) continue
    const { fields, tools } = TABLE[name]
    checkOptions(`${whose}: builtins.${name}`, given[name], { ...fields, only: onlyOf(tools) })
  }
  return given
}

/**
 * The built-in tools that these names switch on, with the options that others have said for them: so that a name on the
 * command line takes none of the limits off that a config file sets.
 */
export function namedBuiltins(whose: string, names: readonly string[], options: Builtins | undefined): Builtins {
  const known: Readonly<Record<string, unknown>> = isList(options) || options === undefined ? {} : { ...options }
  const named = Object.entries(byName({ whose, path: '' }, names)).map(([name, { only }]) => {
    const own = typeof known[name] === 'object' ? known[name] : {}
    return [name, { ...own, ...(only && { only }) }]
  })
  return Object.fromEntries(named) as Builtins
}

function made<Name extends keyof BuiltinOptions>(name: Name, given: unknown): readonly AgentTool[] {
  if (given === undefined || given === false) return []
  // Every field was checked against its row.
  const { only, ...options } = (given === true ? {} : given) as BuiltinOptions[Name] & Only
  const row: Table[Name] = TABLE[name]
  return row.make(options as unknown as BuiltinOptions[Name], only)
}

function onlyOf(tools: readonly string[]): Field {
  const isOne = (one: unknown): boolean => tools.some(name => name === one)
  return optional({
    wanted: `a list of ${tools.join(', ')}`,
    fits: value => Array.isArray(value) && value.length > 0 && value.every(isOne),
  })
}

/** What the names of rows and of tools switch on. */
function byName(place: Place, names: readonly string[]): Readonly<Record<string, Only>> {
  const rowOf = (name: string): string =>
    Object.entries(TABLE).find(([row, { tools }]) => row === name || tools.some(tool => tool === name))?.[0] ?? name
  const rows = [...new Set(names.map(rowOf))]
  refuseUnknown(place, rows)
  return Object.fromEntries(
    rows.map(row => {
      const own = names.filter(name => rowOf(name) === row)
      // The row's own name leaves the choice to its options.
      return [row, own.includes(row) ? {} : { only: [...new Set(own)] }]
    }),
  )
}

/** Where names were given, for messages. */
interface Place {
  readonly whose: string
  readonly path: string
}

function refuseUnknown({ whose, path }: Place, names: readonly string[]): void {
  const unknown = names.filter(name => !Object.hasOwn(TABLE, name))
  if (unknown.length === 0) return
  const known = NAMES.map(name =>
    TABLE[name].tools.join() === name ? name : `${name} (${TABLE[name].tools.join(', ')})`,
  )
  const what = `names ${unknown.join(', ')}, which is no built-in tool`
  throw invalidOption(whose, path, `${what}; there are ${known.join('; ')}`)
}

function isList(builtins: Builtins | undefined): builtins is readonly string[] {
  return Array.isArray(builtins)
}
