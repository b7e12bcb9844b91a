/** The answer of an operation for people: one line a field, and a list of objects as a table. */
import { brief, columns } from './output.ts'

/** The longest text of a cell or a line. */
const CELL = 60
const LINE = 200

export function answerLines(answer: object): readonly string[] {
  const fields = Object.entries(answer).filter(([, value]) => value !== undefined)
  const tables = fields.filter(([, value]) => isTable(value))
  const single = fields.filter(([, value]) => !isTable(value)).map(([key, value]) => [words(key), brief(value, LINE)])
  // Of several lists, empty ones are left out; a single empty list is the answer.
  const shown = tables.length > 1 ? tables.filter(([, rows]) => (rows as readonly object[]).length > 0) : tables
  return [...columns(single), ...shown.flatMap(([key, rows]) => table(key, rows as readonly object[]))]
}

const isTable = (value: unknown): value is readonly object[] =>
  Array.isArray(value) && value.every(one => typeof one === 'object' && one !== null)

/** Schemas and other structures are printed only with `--json`. */
function table(name: string, rows: readonly object[]): readonly string[] {
  if (rows.length === 0) return [`no ${words(name)}`]
  const isShown = (value: unknown): boolean => typeof value !== 'object' || value === null
  const keys = [...new Set(rows.flatMap(row => Object.entries(row).flatMap(([key, one]) => (isShown(one) ? key : []))))]
  // Prose stands last.
  const order = keys.toSorted((a, b) => Number(a === 'description') - Number(b === 'description'))
  const cells = rows.map(row => order.map(key => brief(Reflect.get(row, key) as unknown, CELL)))
  return columns([order.map(key => words(key).toUpperCase()), ...cells])
}

const words = (key: string): string => key.replaceAll(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`)
