/**
 * Declares the arguments of tools that come with the package, each field once: its schema for the model, and the check.
 *
 * They do without the validation library of `tool()`, because loading it takes longer than a command's first turn.
 */
import { defined } from '../defined.ts'
import type { AgentTool, ParsedArgs, ToolContext } from '../executor/agent/tool.ts'

interface Field<T> {
  /** JSON Schema of the field. */
  readonly schema: object
  /** What is valid, in words. */
  readonly wanted: string
  fits(value: unknown): value is T
  /** The value where the model leaves the field out. */
  readonly otherwise?: T
  /** The model may leave it out. */
  readonly optional?: true
}

type Fields = Readonly<Record<string, Field<unknown>>>

type ArgsOf<Of extends Fields> = { readonly [Name in keyof Of]: Of[Name] extends Field<infer T> ? T : never }

interface Declared<Of extends Fields> extends Pick<AgentTool, 'name' | 'description' | 'onLost' | 'timeoutMs'> {
  readonly fields: Of
  readonly needsApproval?: boolean
  execute(args: ArgsOf<Of>, context: ToolContext): unknown
}

/** Makes a tool of its fields and a function. */
export function declareTool<Of extends Fields>({ fields, needsApproval = false, ...rest }: Declared<Of>): AgentTool {
  return {
    ...rest,
    inputSchema: schemaOf(fields),
    mayNeedApproval: needsApproval,
    needsApproval: () => needsApproval,
    parse: args => Promise.resolve(parse(fields, args)),
    // Arguments are made by `parse` alone, so they have every field.
    execute: (args, context) => rest.execute(args as ArgsOf<Of>, context),
  }
}

export function number(): Field<number> {
  return { schema: { type: 'number' }, wanted: 'a number', fits: isNumber }
}

export function positive(): Field<number> {
  return {
    schema: { type: 'number', exclusiveMinimum: 0 },
    wanted: 'a number above 0',
    fits: (value): value is number => isNumber(value) && value > 0,
  }
}

/** A whole number from `minimum` to `maximum`. */
export function whole(minimum: number, maximum: number, otherwise?: number): Field<number> {
  return {
    schema: { type: 'integer', minimum, maximum, ...defined({ default: otherwise }) },
    wanted: `a whole number from ${minimum} to ${maximum}`,
    fits: (value): value is number =>
      Number.isInteger(value) && isNumber(value) && value >= minimum && value <= maximum,
    ...defined({ otherwise }),
  }
}

export function text(): Field<string> {
  return {
    schema: { type: 'string', minLength: 1 },
    wanted: 'a text that is not empty',
    fits: (value): value is string => typeof value === 'string' && value !== '',
  }
}

export function flag(): Field<boolean> {
  return { schema: { type: 'boolean' }, wanted: 'true or false', fits: value => typeof value === 'boolean' }
}

/** The same, which the model may leave out. */
export function maybe<T>({ otherwise: _, ...field }: Field<T>): Field<T | undefined> {
  const fits = (value: unknown): value is T | undefined => value === undefined || field.fits(value)
  return { ...field, fits, optional: true }
}

/** The same, with words for the model. */
export function described<T>(description: string, field: Field<T>): Field<T> {
  return { ...field, schema: { ...field.schema, description } }
}

export function oneOf<const Choice extends string>(choices: readonly Choice[]): Field<Choice> {
  return {
    schema: { type: 'string', enum: choices },
    wanted: `one of ${choices.join(' ')}`,
    fits: (value): value is Choice => choices.some(choice => choice === value),
  }
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function schemaOf(fields: Fields): object {
  const required = Object.keys(fields).filter(name => !mayLack(fields[name]))
  const properties = Object.fromEntries(Object.entries(fields).map(([name, { schema }]) => [name, schema]))
  return { type: 'object', properties, ...(required.length > 0 && { required }) }
}

function mayLack(field: Field<unknown> | undefined): boolean {
  return field?.optional === true || field?.otherwise !== undefined
}

/** Models write `null` for what they leave out. */
function valueOf(given: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(given, name) ? (given[name] ?? undefined) : undefined
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parse(fields: Fields, given: unknown): ParsedArgs {
  if (!isRecord(given)) return { ok: false, problem: 'the arguments must be an object' }
  const args = Object.entries(fields).map(([name, field]) => [name, valueOf(given, name) ?? field.otherwise] as const)
  const problems = args
    .filter(([name, value]) => fields[name]?.fits(value) === false)
    .map(([name]) => `${name} must be ${fields[name]?.wanted}`)
  return problems.length > 0
    ? { ok: false, problem: problems.join('; ') }
    : { ok: true, args: Object.fromEntries(args) }
}
