/**
 * Values as SQL text. Writes go to the server as one message of text, which is run as a whole or not at all and is one
 * transaction by itself; a statement with parameters takes several messages, and a process that is stopped between two
 * of them would leave its locks behind. With `standard_conforming_strings` on, which the connections demand, a quote is
 * the only character that needs care.
 */
import { refHex } from './ref-bytes.ts'

export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

export function texts(values: readonly string[]): string {
  return `ARRAY[${values.map(quote).join(',')}]::text[]`
}

export function numbers(values: readonly (number | undefined)[], type: 'bigint' | 'integer' = 'bigint'): string {
  return `'{${values.map(value => (value === undefined ? 'NULL' : String(Math.trunc(value)))).join(',')}}'::${type}[]`
}

export function booleans(values: readonly boolean[]): string {
  return `'{${values.map(value => (value ? 't' : 'f')).join(',')}}'::boolean[]`
}

export function ids(values: readonly string[]): string {
  return `ARRAY[${values.map(id => `'\\x${refHex(id)}'`).join(',')}]::bytea[]`
}

export function bytes(values: readonly Uint8Array[]): string {
  return `ARRAY[${values.map(data => `'\\x${Buffer.from(data).toString('hex')}'`).join(',')}]::bytea[]`
}

/** Arguments of a list that is empty: the function passes over it. */
export function orNull(count: number, ...arguments_: readonly string[]): string[] {
  return count === 0 ? arguments_.map(() => 'NULL') : [...arguments_]
}
