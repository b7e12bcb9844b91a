/** Values from a JSON Schema, as far as tests need them: one that fits (plain keywords only) and one that does not. */
import type { JsonSchema } from './request.ts'

function asSchema(value: unknown): JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
}

function firstType(schema: JsonSchema): unknown {
  return Array.isArray(schema['type']) ? schema['type'][0] : schema['type']
}

function fittingObject(schema: JsonSchema): Record<string, unknown> {
  const properties = Object.entries(asSchema(schema['properties']))
  return Object.fromEntries(properties.map(([key, value]) => [key, fittingValue(asSchema(value))]))
}

export function fittingValue(schema: JsonSchema): unknown {
  if ('const' in schema) return schema['const']
  if (Array.isArray(schema['enum'])) return schema['enum'][0]
  const alternatives = schema['anyOf'] ?? schema['oneOf']
  if (Array.isArray(alternatives)) return fittingValue(asSchema(alternatives[0]))
  switch (firstType(schema)) {
    case 'object':
      return fittingObject(schema)
    case 'array':
      return Array.from({ length: Number(schema['minItems'] ?? 1) }, () => fittingValue(asSchema(schema['items'])))
    case 'number':
    case 'integer':
      return Number(schema['minimum'] ?? 1)
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return 'text'.padEnd(Number(schema['minLength'] ?? 0), '.')
  }
}

function wrongTypeFor(schema: JsonSchema): unknown {
  return typeof fittingValue(schema) === 'string' ? { unexpected: true } : 'not what the schema says'
}

/** Every declared property gets a value of the wrong type; a schema without properties gets no object at all. */
export function violatingValue(schema: JsonSchema): unknown {
  const properties = Object.entries(asSchema(schema['properties']))
  if (properties.length === 0) return ['not an object']
  return Object.fromEntries(properties.map(([key, value]) => [key, wrongTypeFor(asSchema(value))]))
}
