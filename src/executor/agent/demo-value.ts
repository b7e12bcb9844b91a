/** A value that fits a JSON Schema, for the demo agent's structured answers. */
import { isRecord } from './parts.ts'

/** A value for the schema; strings are `text` where the schema allows any. */
export function valueFor(schema: unknown, text: string, root: unknown = schema, depth = 0): unknown {
  if (!isRecord(schema) || depth > MAX_DEPTH) return text
  if (typeof schema['$ref'] === 'string') return valueFor(target(root, schema['$ref']), text, root, depth + 1)
  if ('const' in schema) return schema['const']
  if ('default' in schema) return schema['default']
  const choices: unknown = schema['enum'] ?? schema['examples']
  if (Array.isArray(choices) && choices.length > 0) return choices[0]
  const branches: unknown = schema['anyOf'] ?? schema['oneOf']
  if (Array.isArray(branches)) return valueFor({ ...without(schema), ...asRecord(branches[0]) }, text, root, depth + 1)
  const all = schema['allOf']
  if (Array.isArray(all))
    return valueFor(
      all.map(part => resolved(part, root)).reduce<Record<string, unknown>>(merge, without(schema)),
      text,
      root,
      depth + 1,
    )
  return ofType(schema, text, root, depth)
}

const MAX_DEPTH = 32

function ofType(schema: Record<string, unknown>, text: string, root: unknown, depth: number): unknown {
  switch (typeOf(schema)) {
    case 'object':
      return objectFor(schema, text, root, depth)
    case 'array': {
      const tuple: unknown = schema['prefixItems']
      if (Array.isArray(tuple)) return tuple.map(item => valueFor(item, text, root, depth + 1))
      const count = Math.max(1, numberIn(schema, 'minItems') ?? 0)
      const first = valueFor(schema['items'] ?? {}, text, root, depth + 1)
      return Array.from({ length: Math.min(count, numberIn(schema, 'maxItems') ?? count) }, (_, index) =>
        different(first, index),
      )
    }
    case 'integer':
      return numberFor(schema, 1)
    case 'number':
      return numberFor(schema, 0.5)
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return stringFor(schema, text)
  }
}

function typeOf(schema: Record<string, unknown>): unknown {
  const declared: unknown = Array.isArray(schema['type']) ? schema['type'].find(one => one !== 'null') : schema['type']
  if (declared !== undefined) return declared
  if (isRecord(schema['properties']) || Array.isArray(schema['required'])) return 'object'
  return schema['items'] === undefined && schema['prefixItems'] === undefined ? 'string' : 'array'
}

function objectFor(schema: Record<string, unknown>, text: string, root: unknown, depth: number): object {
  const properties = asRecord(schema['properties'])
  const required: readonly unknown[] = Array.isArray(schema['required']) ? schema['required'] : []
  const names = new Set([...Object.keys(properties), ...required.filter(name => typeof name === 'string')])
  // The optional fields of a recursive schema would never end.
  const wanted = [...names].filter(name => depth < SHALLOW || required.includes(name))
  return Object.fromEntries(wanted.map(name => [name, valueFor(properties[name] ?? {}, text, root, depth + 1)]))
}

const SHALLOW = 4

function numberFor(schema: Record<string, unknown>, step: number): number {
  const unit = numberIn(schema, 'multipleOf') ?? step
  const above = numberIn(schema, 'exclusiveMinimum')
  const below = numberIn(schema, 'exclusiveMaximum')
  const least = numberIn(schema, 'minimum') ?? (above === undefined ? undefined : above + unit)
  const most = numberIn(schema, 'maximum') ?? (below === undefined ? undefined : below - unit)
  const wanted = Math.min(Math.max(42, least ?? 42), most ?? Number.POSITIVE_INFINITY)
  const up = Math.ceil(wanted / unit) * unit
  return most !== undefined && up > most ? Math.floor(wanted / unit) * unit : up
}

const FORMATS: Readonly<Record<string, string>> = {
  'date-time': '2026-01-02T03:04:05Z',
  date: '2026-01-02',
  time: '03:04:05Z',
  email: 'demo@example.com',
  uri: 'https://example.com/',
  uuid: '00000000-0000-4000-8000-000000000000',
  ipv4: '127.0.0.1',
}

function stringFor(schema: Record<string, unknown>, text: string): string {
  const format = schema['format']
  if (typeof format === 'string' && FORMATS[format] !== undefined) return FORMATS[format]
  return text.padEnd(numberIn(schema, 'minLength') ?? 0, '.').slice(0, numberIn(schema, 'maxLength') ?? undefined)
}

function different(value: unknown, index: number): unknown {
  if (index === 0) return value
  return typeof value === 'number' ? value + index : typeof value === 'string' ? `${value} ${index + 1}` : value
}

function numberIn(schema: Record<string, unknown>, name: string): number | undefined {
  const value = schema[name]
  return typeof value === 'number' ? value : undefined
}

function asRecord(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {}
}

function without({ anyOf: _a, oneOf: _o, allOf: _l, ...rest }: Record<string, unknown>): Record<string, unknown> {
  return rest
}

function merge(sum: Record<string, unknown>, part: unknown): Record<string, unknown> {
  const add = asRecord(part)
  const required = [sum['required'], add['required']].filter(Array.isArray).flat()
  return {
    ...sum,
    ...add,
    properties: { ...asRecord(sum['properties']), ...asRecord(add['properties']) },
    ...(required.length > 0 ? { required } : {}),
  }
}

function resolved(schema: unknown, root: unknown): unknown {
  return isRecord(schema) && typeof schema['$ref'] === 'string' ? target(root, schema['$ref']) : schema
}

/** What a local reference such as `#/$defs/name` points to. */
function target(root: unknown, ref: string): unknown {
  if (!ref.startsWith('#')) return {}
  const path = ref
    .slice(1)
    .split('/')
    .filter(part => part !== '')
  return path.reduce<unknown>(
    (at, key) => (isRecord(at) ? at[decodeURIComponent(key).replaceAll('~1', '/').replaceAll('~0', '~')] : undefined),
    root,
  )
}
