/**
 * The door for the parameters of every operation: they have to be plain, bounded JSON, and what the operation takes.
 * Everything that is wrong becomes one `invalid-params`, which names every wrong field.
 */
import type { z } from 'zod'
import { MeerkatError } from '../errors.ts'

/**
 * The deepest nesting of a value, including the parameters' own braces; more would only overflow the code that reads
 * it.
 */
const MAX_JSON_DEPTH = 64
/** The most objects and lists in a value: one that refers to itself would never end. */
const MAX_JSON_NODES = 1_000_000

export interface Problem {
  /** The place, such as `content.0.text`; empty for the parameters as a whole. */
  readonly path: string
  /** What is wrong, to be read after the path. */
  readonly message: string
}

/** The parameters with the schema's type, or `invalid-params`. */
export function parseParams<Schema extends z.ZodType>(schema: Schema, params: unknown): z.output<Schema> {
  const unsafe = findUnsafe(params, { nodes: 0 })
  if (unsafe !== undefined) throw invalidParams([unsafe])
  const parsed = schema.safeParse(withoutUndefined(params))
  if (parsed.success) return parsed.data
  throw invalidParams(parsed.error.issues.flatMap(issue => problemsOf(issue, params)))
}

/** One error for all problems; its message has the first. */
export function invalidParams(problems: readonly Problem[]): MeerkatError {
  const [first] = problems
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''
  const text = first === undefined ? 'the parameters are not valid' : `${first.path || 'params'} ${first.message}`
  return new MeerkatError('invalid-params', `${text}${more}`, { details: { issues: problems } })
}

/** In a program, `undefined` means "not given"; JSON has no such value. */
function withoutUndefined(params: unknown): unknown {
  if (typeof params !== 'object' || params === null || Array.isArray(params)) return params
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined))
}

/** The first place that is too deep, or whose name would reach a prototype when the value is copied. */
function findUnsafe(value: unknown, walked: { nodes: number }, path: readonly PropertyKey[] = []): Problem | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (path.length >= MAX_JSON_DEPTH) {
    return { path: spell(path.slice(0, 3)), message: `is nested deeper than ${MAX_JSON_DEPTH} levels` }
  }
  if (++walked.nodes > MAX_JSON_NODES) return { path: spell(path.slice(0, 1)), message: 'holds too many values' }
  if (Object.hasOwn(value, '__proto__')) return { path: spell([...path, '__proto__']), message: 'is not a field' }
  for (const [key, member] of Object.entries(value)) {
    const found = findUnsafe(member, walked, [...path, key])
    if (found !== undefined) return found
  }
  return undefined
}

/** What a schema found wrong with a value, in words. */
export function problemsOf(
  issue: z.core.$ZodIssue,
  params: unknown,
  parent: readonly PropertyKey[] = [],
): readonly Problem[] {
  const at = [...parent, ...issue.path]
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(key => ({ path: spell([...at, key]), message: 'is not a field of this operation' }))
  }
  if (issue.code !== 'invalid_union') return [{ path: spell(at), message: explain(issue, valueAt(params, at)) }]
  return unionProblems(issue, params, at)
}

/** Of a union, only the problems of the branch that the caller meant are of use: the one whose outer form fits. */
function unionProblems(
  issue: z.core.$ZodIssueInvalidUnion,
  params: unknown,
  at: readonly PropertyKey[],
): readonly Problem[] {
  const isOuter = (inner: z.core.$ZodIssue): boolean => inner.code === 'invalid_type' && inner.path.length === 0
  const meant = issue.errors.find(inner => inner.length > 0 && !inner.some(isOuter))
  if (meant !== undefined) return meant.flatMap(inner => problemsOf(inner, params, at))
  const forms = issue.errors.flat().flatMap(inner => (inner.code === 'invalid_type' ? [noun(inner.expected)] : []))
  const choices = forms.length > 0 ? forms : optionsOf(issue)
  if (valueAt(params, at) === undefined) return [{ path: spell(at), message: `is missing: ${oneOf(choices)}` }]
  return [{ path: spell(at), message: `must be ${oneOf(choices)}` }]
}

function optionsOf(issue: z.core.$ZodIssueInvalidUnion): readonly string[] {
  return 'options' in issue && Array.isArray(issue.options) ? issue.options.map(option => JSON.stringify(option)) : []
}

function explain(issue: z.core.$ZodIssue, value: unknown): string {
  if (value === undefined && issue.code !== 'custom') return 'is missing'
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${noun(issue.expected)}`
    case 'invalid_value':
      return `must be ${oneOf(issue.values.map(choice => JSON.stringify(choice)))}`
    case 'too_small':
      return issue.minimum === 1 && issue.origin !== 'number' && issue.origin !== 'int'
        ? 'must not be empty'
        : `must be at least ${issue.minimum}${unit(issue.origin)}`
    case 'too_big':
      return `must be at most ${issue.maximum}${unit(issue.origin)}`
    default:
      return issue.message
  }
}

const NOUNS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
}

function noun(expected: string): string {
  return NOUNS[expected] ?? expected
}

function unit(origin: string): string {
  if (origin === 'string') return ' characters long'
  return origin === 'array' || origin === 'object' ? ' entries long' : ''
}

function oneOf(choices: readonly string[]): string {
  const last = choices.at(-1) ?? 'something else'
  return choices.length < 2 ? last : `${choices.slice(0, -1).join(', ')} or ${last}`
}

function spell(path: readonly PropertyKey[]): string {
  return path.map(String).join('.')
}

function valueAt(params: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined,
    params,
  )
}
