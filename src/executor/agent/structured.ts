/**
 * Structured answers: the schema, the instruction for the model, and the check of its answer.
 *
 * The schema is sent both as a response format and in the prompt, so that models without response formats answer it
 * too.
 */
import type { ValidateFunction } from 'ajv'
import type { RunPort } from '../executor.ts'
import type { Exhausted } from './budget.ts'
import { isRecord } from './parts.ts'

export type Checked = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly problem: string }

export interface OutputSchema {
  readonly schema: object
  /** Whether OpenAI's strict mode takes it: all properties are required, and no others are allowed. */
  readonly strict: boolean
  /** What the model is told. */
  readonly instruction: string
  check(text: string): Checked
}

/** The form that the answer of a run must have. Steers that join may ask for another one. */
export class AnswerForm {
  readonly #port: RunPort
  #asked: string | undefined
  /** Undefined: any text. */
  schema: OutputSchema | undefined

  constructor(port: RunPort) {
    this.#port = port
  }

  /** Reads what is asked for now; answers why the run can't go on with it. */
  async read(): Promise<Exhausted | undefined> {
    const { inputs, outputSchema: newest } = this.#port
    // A port that does not say which schema has the say has no other inputs than these.
    const asked = newest ?? inputs.findLast(input => input.outputSchema !== undefined)?.outputSchema
    if (asked === undefined) return undefined
    const text = JSON.stringify(asked)
    if (text === this.#asked) return undefined
    const others = inputs.flatMap(input => (input.outputSchema === undefined ? [] : JSON.stringify(input.outputSchema)))
    if ([...others, this.#asked ?? text].some(other => other !== text)) {
      const message = 'inputs of this run ask for answers of different forms: the newest that asks for one has the say'
      this.#port.stream({ type: 'notice', code: 'output-schema-replaced', message })
    }
    this.#asked = text
    const schema = await outputSchema(asked)
    if ('problem' in schema) {
      const message = `outputSchema is not a JSON Schema: ${schema.problem}`
      return { source: 'invalid-output-schema', error: { code: 'invalid-output-schema', message } }
    }
    this.schema = schema
    return undefined
  }
}

/** The schema, compiled; or what is wrong with it. */
async function outputSchema(schema: unknown): Promise<OutputSchema | { readonly problem: string }> {
  if (!isRecord(schema)) return { problem: 'it is not an object' }
  const compiled = await compile(schema)
  if ('problem' in compiled) return compiled
  const { validate } = compiled
  return {
    schema,
    strict: isStrict(schema),
    instruction: `Your final answer must be one JSON value, without any other text or formatting, that is valid against this JSON Schema:\n${JSON.stringify(schema)}`,
    check: text => check(text, validate),
  }
}

/** What a model is told whose answer did not fit. */
export function correction(problem: string): string {
  return `Your answer is not valid: ${problem}. Answer again with only a JSON value that fits the schema.`
}

async function compile(
  schema: Record<string, unknown>,
): Promise<{ readonly validate: ValidateFunction } | { readonly problem: string }> {
  // Loaded on first use: most sessions never ask for a structured answer.
  const [{ Ajv }, { Ajv2020 }, formats] = await Promise.all([
    import('ajv'),
    import('ajv/dist/2020.js'),
    import('ajv-formats'),
  ])
  const declared = typeof schema['$schema'] === 'string' ? schema['$schema'] : ''
  const makers = /draft-0[4-7]/.test(declared) ? [Ajv] : [Ajv2020, Ajv]
  let problem = ''
  for (const Maker of makers) {
    // Each schema has a compiler of its own: schemas come from inputs, and a shared compiler would keep them all.
    const ajv = new Maker({ strict: false, allErrors: true, addUsedSchema: false, logger: false })
    formats.default.default(ajv)
    try {
      return { validate: ajv.compile(schema) }
    } catch (error) {
      problem ||= error instanceof Error ? error.message : String(error)
    }
  }
  return { problem }
}

function check(text: string, validate: ValidateFunction): Checked {
  const found = jsonIn(text)
  if (found === undefined) return { ok: false, problem: text.trim() === '' ? 'it is empty' : 'it is not JSON' }
  if (validate(found.value)) return { ok: true, value: found.value }
  const shown = (validate.errors ?? []).slice(0, SHOWN_ERRORS)
  return {
    ok: false,
    problem: shown
      .map(({ instancePath, message }) => `${instancePath || 'the value'} ${message ?? 'is wrong'}`)
      .join('; '),
  }
}

const SHOWN_ERRORS = 5

/** The JSON of an answer: all of it, the content of a code fence, or what its brackets enclose. */
function jsonIn(text: string): { readonly value: unknown } | undefined {
  const trimmed = text.trim()
  const fenced = /```(?:json)?\s*\n?([\s\S]*?)```/i.exec(trimmed)?.[1]
  const start = trimmed.search(/[[{]/)
  const end = Math.max(trimmed.lastIndexOf('}'), trimmed.lastIndexOf(']'))
  const enclosed = start === -1 || end <= start ? undefined : trimmed.slice(start, end + 1)
  for (const candidate of [trimmed, fenced, enclosed]) {
    const parsed = candidate === undefined ? undefined : parse(candidate)
    if (parsed !== undefined) return parsed
  }
  return undefined
}

function parse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}

/** Visits the places where a schema contains schemas. */
function isStrict(schema: unknown): boolean {
  if (Array.isArray(schema)) return schema.every(isStrict)
  if (!isRecord(schema)) return true
  const { properties, required, type } = schema
  if (type === 'object' || properties !== undefined) {
    const names = isRecord(properties) ? Object.keys(properties) : []
    const listed: readonly unknown[] = Array.isArray(required) ? required : []
    if (schema['additionalProperties'] !== false || !names.every(name => listed.includes(name))) return false
  }
  const inner = [properties, schema['$defs'], schema['definitions']]
    .filter(isRecord)
    .flatMap((one): unknown[] => Object.values(one))
  return [...inner, schema['items'], schema['anyOf'], schema['allOf'], schema['oneOf']].every(isStrict)
}
