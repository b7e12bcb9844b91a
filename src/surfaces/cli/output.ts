/**
 * What the command line writes.
 *
 * 1. stdout carries what was asked for and nothing else; with `--json` each line of it is one JSON object.
 * 2. What only helps a person (progress, hints) goes to stderr, and only if that is a terminal.
 * 3. Colour only on a terminal, and never with NO_COLOR.
 * 4. Text that came from a model or a tool loses its control characters before a terminal sees it.
 */
import { styleText } from 'node:util'
import { cutText } from '../../foreign.ts'

type Style = Parameters<typeof styleText>[0]

/** The output of a command. */
export interface Output {
  readonly json: boolean
  /** Whether stdout is a terminal. */
  readonly terminal: boolean
  /** Text as it comes, without a line end. */
  text(text: string): void
  line(text?: string): void
  /** One JSON object on its own line. */
  object(value: unknown): void
  /** A hint for a person at a terminal; dropped in scripts and pipes. */
  hint(text: string): void
  /** A line for a person at a terminal, replaced by the next one; without text it is removed. */
  status(text: string | undefined): void
  /** A line on stderr, also in scripts. */
  warn(text: string): void
  style(style: Style, text: string): string
}

export function createOutput(options: { readonly json: boolean }): Output {
  const { stdout, stderr } = process
  const terminal = stdout.isTTY
  let hasStatus = false
  const paint = (stream: { readonly isTTY?: boolean }, style: Style, text: string): string =>
    stream.isTTY === true && !process.env['NO_COLOR'] ? styleText(style, text, { validateStream: false }) : text
  return {
    json: options.json,
    terminal,
    text: text => void stdout.write(terminal ? printable(text) : text),
    line: (text = '') => void stdout.write(`${text}\n`),
    object: value => void stdout.write(`${JSON.stringify(value)}\n`),
    hint: text => {
      if (stderr.isTTY && !options.json) stderr.write(`${paint(stderr, 'dim', printable(text))}\n`)
    },
    status: text => {
      if (!stderr.isTTY || options.json || (text === undefined && !hasStatus)) return
      hasStatus = text !== undefined
      stderr.write(
        `\r\u001b[K${text === undefined ? '' : paint(stderr, 'dim', excerpt(text, (stderr.columns || 80) - 1))}`,
      )
    },
    warn: text => void stderr.write(`${paint(stderr, 'yellow', printable(text))}\n`),
    style: (style, text) => paint(stdout, style, text),
  }
}

/** The text without characters that would control a terminal; line ends and tabs stay. */
function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- finding them is the purpose
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '')
}

/** At most `width` characters on one line, cut with an ellipsis. */
export function excerpt(text: string, width: number): string {
  const flat = printable(text.replace(/\s+/g, ' ')).trim()
  return flat.length <= width ? flat : `${cutText(flat, width - 1)}…`
}

/** A value as short JSON for one line. */
export function brief(value: unknown, width = 80): string {
  return value === undefined ? '' : excerpt(typeof value === 'string' ? value : JSON.stringify(value), width)
}

/** Rows as aligned columns. The last column is not padded or cut. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows)
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length)
  return rows.map(row =>
    row
      .map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}

/** A time span in words. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  return ms < 120_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`
}
