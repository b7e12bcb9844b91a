/** The operations table as JSON Schema, for the OpenAPI document and the reference. */
import { z } from 'zod'
import { namedShapes } from './operations/shapes.ts'
import { type OperationName, operationNames, operations } from './operations.ts'

export type JsonSchema = z.core.JSONSchema.BaseSchema

/** For example `SessionOpenParams` and `SessionOpenResult`. */
export function schemaNames(name: OperationName): { readonly params: string; readonly result: string } {
  const base = name
    .split('/')
    .map(word => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')
  return { params: `${base}Params`, result: `${base}Result` }
}

/** Every schema by name; shared ones stand once, and are referred to by `$ref` behind `prefix`. */
export function jsonSchemas(prefix: string): Readonly<Record<string, JsonSchema>> {
  const registry = z.registry<{ id: string }>()
  for (const [id, shape] of Object.entries(namedShapes)) registry.add(shape, { id })
  for (const name of operationNames) {
    const { params, result } = schemaNames(name)
    registry.add(operations[name].input, { id: params })
    registry.add(operations[name].output, { id: result })
  }
  // As input: fields with defaults may be left out, and answers may have more fields later.
  const { schemas } = z.toJSONSchema(registry, { io: 'input', uri: id => `${prefix}${id}`, override: tidy })
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _, $id: __, ...schema }]): [string, JsonSchema] => [id, schema]),
  )
}

/** `format` says everything that the long pattern of a time says. */
function tidy({ jsonSchema }: { readonly jsonSchema: JsonSchema }): void {
  if (jsonSchema.format === 'date-time') delete jsonSchema.pattern
}
