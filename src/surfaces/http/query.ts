/** Reads parameters from the query of a URL, with the types of the operation's schema. */
import type { z } from 'zod'
import { invalidParams } from '../invalid-params.ts'

/**
 * Each key once; numbers and booleans where the schema wants them. A value that does not fit is left for the schema to
 * refuse.
 */
export function queryParams(schema: z.ZodObject, query: URLSearchParams): Readonly<Record<string, unknown>> {
  const keys = [...query.keys()]
  const doubled = keys.find((key, index) => keys.indexOf(key) !== index)
  if (doubled !== undefined) throw invalidParams([{ path: doubled, message: 'is given twice' }])
  return Object.fromEntries([...query].map(([key, text]) => [key, read(fieldType(schema, key), text)]))
}

function read(type: string | undefined, text: string): unknown {
  if (type === 'number' && /^-?\d{1,15}$/.test(text)) return Number(text)
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  return text
}

/** The type of a field, without what makes it optional. */
function fieldType(schema: z.ZodObject, key: string): string | undefined {
  let field: unknown = Object.hasOwn(schema.shape, key) ? schema.shape[key] : undefined
  while (isWrapper(field)) field = field.def.innerType
  return isSchema(field) ? field.def.type : undefined
}

interface AnySchema {
  readonly def: { readonly type: string; readonly innerType?: unknown }
}

function isSchema(value: unknown): value is AnySchema {
  return typeof value === 'object' && value !== null && 'def' in value
}

function isWrapper(value: unknown): value is AnySchema {
  return isSchema(value) && value.def.innerType !== undefined
}
