/** The help of the command line, made from the table of commands. */
import type { CommandRow } from './command-row.ts'
import { COMMANDS } from './command-table.ts'
import { type Commands, plain } from './parse-args.ts'

const EPILOGUE = `Settings: a flag, else MEERKAT_STORE, MEERKAT_MODEL, MEERKAT_BASE_URL, MEERKAT_URL, MEERKAT_TOKEN, MEERKAT_HOST,
MEERKAT_PORT, MEERKAT_SYSTEM, MEERKAT_MAX_RUN_MS, else meerkat.config.{ts,js,json}, else the default.

Exit status: 0 done, 1 failed, 2 called wrongly, 3 not found, 4 refused, 5 no key or no permission, 6 too much,
7 not supported, 8 store unavailable, 130 cancelled, 143 terminated. MEERKAT_DEBUG=1 shows stacks.

Start here:  meerkat demo
             meerkat run --model demo/agent "hello"`

type Entry = readonly [term: string, text: string]

const HELP: Entry = ['-h, --help', 'print this help']
/** A narrower column is not wrapped: it would have one word a line. */
const NARROWEST = 40

/** The help of a command, or of all commands of a group, for a terminal of this width. */
export function helpText(row: CommandRow | undefined, width: number, among?: Commands): string {
  const all = among === undefined ? overview(width) : groupHelp(among, width)
  const sections = row === undefined ? all : helpOf(row, width)
  return `${sections.filter(section => section !== undefined).join('\n\n')}\n`
}

function groupHelp({ group, rows }: Commands, width: number): (string | undefined)[] {
  const actions = rows.map(({ name, args, summary }): Entry => {
    const action = name.slice(group.name.length + 1)
    return [formOf({ name: action, summary, options: [], ...(args && { args }) }), summary]
  })
  const usage = `Usage: meerkat ${group.name} <action> [options]`
  return [usage, group.summary, list('Actions', actions, columnOf(actions), width), group.more]
}

function overview(width: number): (string | undefined)[] {
  const commands = COMMANDS.map((row): Entry => [formOf(row), row.summary])
  const options: readonly Entry[] = [['-V, --version', 'print the version'], HELP]
  const indent = columnOf([...commands, ...options])
  return [
    'Usage: meerkat [options] [command]',
    'A durable session runtime for AI agents.',
    list('Options', options, indent, width),
    list('Commands', [...commands, ['help [command]', 'print the help of a command']], indent, width),
    EPILOGUE,
  ]
}

function helpOf(row: CommandRow, width: number): (string | undefined)[] {
  const args = (row.args ?? []).map(([form, text]): Entry => [plain(form), text])
  const options = [...row.options, HELP]
  const indent = columnOf([...args, ...options])
  return [
    `Usage: meerkat ${formOf(row)}`,
    wrapped(row.summary, width).join('\n'),
    list('Arguments', args, indent, width),
    list('Options', options, indent, width),
    row.more,
  ]
}

function formOf({ name, args = [], options }: Omit<CommandRow, 'load'>): string {
  return [name, ...(options.length > 0 ? ['[options]'] : []), ...args.map(([form]) => form)].join(' ')
}

/** The column in which the texts begin. */
function columnOf(entries: readonly Entry[]): number {
  return Math.max(...entries.map(([term]) => term.length)) + 4
}

function list(title: string, entries: readonly Entry[], indent: number, width: number): string | undefined {
  if (entries.length === 0) return undefined
  const lines = entries.flatMap(([term, text]) =>
    wrapped(text, width - indent).map((line, index) => `${(index === 0 ? `  ${term}` : '').padEnd(indent)}${line}`),
  )
  return [`${title}:`, ...lines].join('\n')
}

function wrapped(text: string, width: number): readonly string[] {
  if (width < NARROWEST) return [text]
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}
