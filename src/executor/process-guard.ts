/**
 * What a process does about errors that got away: a promise that a tool left alone was rejected, a timer of its threw.
 *
 * Node ends the process for either, and with it every session in it. A process that runs other people's tools is better
 * off with the guard: the error is attributed to the tool call that left it behind, a call that is still open ends with
 * it, and the process goes on. Nothing is installed unless somebody asks: the command line does, and a program that
 * embeds the runtime may.
 */
import { inspect } from 'node:util'
import { messageOf } from '../foreign.ts'
import { aFunction, checkOptions, type Fields, optional } from '../options.ts'
import { currentScope, type ToolWork } from './agent/tool-scope.ts'

/** An error that got away from whoever caused it. */
export interface StrayError {
  readonly error: unknown
  readonly kind: 'exception' | 'rejection'
  /** The tool that left it behind, where that is known. */
  readonly work?: ToolWork
  /** A call of it was still open, and has ended with this error. */
  readonly endedCall: boolean
}

export interface GuardOptions {
  /** Hears of every error that the process survives. One line on stderr unless told. */
  readonly onStray?: (stray: StrayError) => void
  /**
   * Hears of errors of the runtime itself, which nobody should survive: what was going on is in the store. Unless told,
   * the process ends as it would without the guard.
   */
  readonly onFault?: (error: unknown) => void
}

const OPTIONS: Fields<GuardOptions> = { onStray: optional(aFunction), onFault: optional(aFunction) }

/** Installs the guard for this process; answers how to take it out again. */
export function guardProcess(options: GuardOptions = {}): () => void {
  checkOptions('guardProcess', options, OPTIONS)
  const { onStray = tellStray, onFault = endAsNode } = options
  const hear = (kind: StrayError['kind'], error: unknown): void => {
    const scope = currentScope()
    if (scope === undefined && isOurs(error)) return onFault(error)
    const endedCall = scope?.hear(error) === true
    onStray({ error, kind, endedCall, ...(scope && { work: scope.work }) })
  }
  const onException = (error: unknown): void => hear('exception', error)
  const onRejection = (error: unknown): void => hear('rejection', error)
  process.on('uncaughtException', onException)
  process.on('unhandledRejection', onRejection)
  return () => {
    process.off('uncaughtException', onException)
    process.off('unhandledRejection', onRejection)
  }
}

/** Where the code of this package lies, as sources and as a bundle alike. */
const PACKAGE: string = packageFolder(import.meta.url)

function packageFolder(url: string): string {
  const cut = Math.max(url.lastIndexOf('/src/'), url.lastIndexOf('/dist/'))
  return url.slice(0, url.indexOf('/', cut + 1) + 1)
}

/**
 * Whether the runtime's own code failed. The innermost place with a file says so; what has none came from the system (a
 * disk that is full, a pipe that closed), and is nothing to go on after.
 */
function isOurs(error: unknown): boolean {
  try {
    if (!(error instanceof Error)) return false
    const place = /(?:file:\/\/)?(\/[^\s()]+?|[A-Za-z]:[\\/][^\s()]+?):\d+:\d+/.exec(stackOf(error))?.[0]
    return place === undefined || place.replace(/^(?:file:\/\/)?\/?/, 'file:///').startsWith(PACKAGE)
  } catch {
    return false
  }
}

/** The places of a stack, without the message, which may name any file. */
function stackOf({ stack, message }: Error): string {
  if (typeof stack !== 'string') return ''
  const said = typeof message === 'string' ? stack.indexOf(message) + message.length : 0
  return stack.slice(Math.max(0, said))
}

/** A stray error in one line. */
export function strayText({ error, kind, work, endedCall }: StrayError): string {
  const what = kind === 'rejection' ? 'a rejected promise behind' : 'an error behind'
  const place = [work?.sessionId, work?.callId].filter(part => part !== undefined).join(', call ')
  const who = work === undefined ? 'foreign code' : `tool ${work.tool} (session ${place})`
  const end = endedCall ? '; its call has failed' : ''
  return `${who} left ${what}${end}: ${messageOf(error).replaceAll(/\s*[\r\n]+\s*/g, ' ')}`
}

function tellStray(stray: StrayError): void {
  process.stderr.write(`${strayText(stray)}\n`)
}

function endAsNode(error: unknown): void {
  process.stderr.write(`${inspect(error)}\n`)
  process.exit(1)
}
