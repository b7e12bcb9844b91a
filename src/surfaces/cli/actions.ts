/**
 * Commands of two words, such as `meerkat model set`: one for each operation of a family, made from its row of the
 * operations table.
 *
 * Required parameters are arguments, in the order of the schema; optional ones are flags. Text is read with the type
 * that the schema has, and is checked by the schema alone.
 */
import { z } from 'zod'
import { parseParams } from '../invalid-params.ts'
import { type OperationName, operationNames, operations } from '../operations.ts'
import { answerLines } from './answer-lines.ts'
import type { CommandRow, Perform, Texts } from './command-row.ts'
import { connectionFor, OF_EXECUTOR } from './connection.ts'

interface Parameter {
  readonly name: string
  /** The JSON type. */
  readonly type: string
  readonly about: string
}

/** Options besides an operation's own: for every command, and for a command whose operation an executor answers. */
export interface Besides {
  readonly all: Texts
  readonly serving: Texts
}

/** A row for each operation of the family. */
export function actionsOf(family: string, { all, serving }: Besides): readonly CommandRow[] {
  const ofFamily = operationNames.filter(name => name.startsWith(`${family}/`))
  return ofFamily.map(name => rowOf(name, OF_EXECUTOR.has(name) ? [...serving, ...all] : all))
}

function rowOf(name: OperationName, options: Texts): CommandRow {
  const { doc, input } = operations[name]
  const { properties = {}, required = [] } = z.toJSONSchema(input, { io: 'input' })
  const all = Object.entries(properties).map(([field, schema]): Parameter => {
    const { type, description = '' } = typeof schema === 'boolean' ? {} : schema
    return { name: field, type: String(type), about: description }
  })
  const demanded = all.filter(one => required.includes(one.name))
  const others = all.filter(one => !required.includes(one.name))
  return {
    name: name.replace('/', ' '),
    summary: doc,
    args: demanded.map(one => [`<${argumentOf(one)}>`, one.about]),
    options: [...others.map((one): Texts[number] => [flagOf(one), one.about]), ...options],
    load: () => Promise.resolve(performing(name, demanded, others)),
  }
}

function argumentOf({ name, type }: Parameter): string {
  const word = name === 'sessionId' ? 'session' : dashed(name)
  return type === 'array' ? `${word}...` : word
}

const VALUES: Readonly<Record<string, string>> = { array: ' <list>', integer: ' <n>', number: ' <n>', boolean: '' }

function flagOf(parameter: Parameter): string {
  return `--${dashed(parameter.name)}${VALUES[parameter.type] ?? ' <text>'}`
}

const dashed = (name: string): string => name.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)

function performing(name: OperationName, demanded: readonly Parameter[], others: readonly Parameter[]): Perform {
  return async (shell, args) => {
    const flags = others.map(one => [one, shell.flags[one.name]] as const)
    const given = [...demanded.map((one, index) => [one, args[index]] as const), ...flags]
    const fields = given.flatMap(([one, value]) => (value === undefined ? [] : [[one.name, read(one, value)]]))
    // Checked here, so that a wrong parameter opens no store.
    const params = parseParams(operations[name].input, Object.fromEntries(fields))
    const { ask } = await connectionFor(shell, name, params)
    const answer = await ask(name, params)
    if (shell.output.json) shell.output.object(answer)
    else for (const line of answerLines(answer)) shell.output.line(line)
  }
}

function read({ type }: Parameter, value: unknown): unknown {
  if (typeof value !== 'string') return value
  if (type === 'array') return value.split(',').map(word => word.trim())
  return VALUES[type] === ' <n>' && /^-?\d{1,15}$/.test(value) ? Number(value) : value
}
