/**
 * How the command line fails: one line on stderr that says what is wrong and what to do, and an exit status from the
 * table of codes. With `--json` the line is the error as JSON. A stack is shown only with MEERKAT_DEBUG=1.
 */

import { asMeerkatError, ERROR_CODES, type ErrorCode, MeerkatError } from '../../errors.ts'
import { type StrayError, strayText } from '../../executor/process-guard.ts'

/** Exit statuses besides the table of codes: those that a shell expects of a program ended by a signal. */
export const EXIT = { ok: 0, failed: 1, hungUp: 129, interrupted: 130, terminated: 143 } as const

/** Ends the command with this status; its output is written already. */
export class Exit extends Error {
  override readonly name = 'Exit'
  readonly status: number

  constructor(status: number) {
    super(`exit ${status}`)
    this.status = status
  }
}

/** The error of a command that was called wrongly. */
export function usage(message: string, details?: Readonly<Record<string, unknown>>): MeerkatError {
  return new MeerkatError('invalid-params', message, details === undefined ? {} : { details })
}

interface Reporting {
  readonly json: boolean
  readonly debug: boolean
}

/** Writes the failure, and answers the exit status. */
export function report(error: unknown, options: Reporting): number {
  if (error instanceof Exit) return error.status
  const failure = toFailure(error)
  if (options.debug && error instanceof Error) process.stderr.write(`${error.stack ?? error.message}\n`)
  const line = options.json ? JSON.stringify(failure.toJSON()) : `meerkat: ${inCommands(oneLine(failure.message))}`
  process.stderr.write(`${line}\n`)
  return ERROR_CODES[failure.code].exit
}

/** Reports a stray error of a tool, which the process survives. */
export function reportStray(stray: StrayError, { json, debug }: Reporting): void {
  const { error, kind, work, endedCall } = stray
  if (debug && error instanceof Error) process.stderr.write(`${error.stack ?? error.message}\n`)
  const message = strayText(stray)
  const line = json ? JSON.stringify({ type: 'stray-error', kind, message, endedCall, ...work }) : `meerkat: ${message}`
  process.stderr.write(`${line}\n`)
}

/** Operations that have a command of another name. */
const COMMANDS: Readonly<Record<string, string>> = {
  'session/list': 'sessions',
  'session/resume': 'resume SESSION',
  'session/explain': 'explain SESSION',
  'run/cancel': 'cancel SESSION',
  'call/list': 'calls',
}

/** The text with each operation that it advises (`session/list`) as the command that performs it. */
function inCommands(text: string): string {
  return text.replaceAll(/`([a-z]+\/[a-z]+)`/g, (_, name: string) => {
    const command = /^(?:model|tool)\//.test(name) ? name.replace('/', ' ') : (COMMANDS[name] ?? `op ${name}`)
    return `\`meerkat ${command}\``
  })
}

/** The text on one line, for stderr. */
export function oneLine(text: string): string {
  return text
    .split(/\s*[\r\n]+\s*/)
    .filter(part => part !== '')
    .join(' ')
}

/** Whether a string is one of our error codes. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERROR_CODES, code)
}

function toFailure(error: unknown): MeerkatError {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    const why = SYSTEM[error.code]
    if (why !== undefined) return new MeerkatError('store-unavailable', `${why} (${error.message})`, { cause: error })
  }
  return asMeerkatError(error)
}

/** System errors that reach the top unchanged, and what to do about them. */
const SYSTEM: Readonly<Record<string, string>> = {
  EACCES: 'this needs rights that the user does not have: change them, or say --store sqlite:PATH',
  EROFS: 'the file system can only be read: say --store sqlite:PATH with a path elsewhere',
  ENOSPC: 'the disk is full: free some space and say it again; what was accepted is kept',
  EDQUOT: "the user's share of the disk is full: free some space and say it again; what was accepted is kept",
}
