/**
 * What a process does about stray errors: a promise that a tool left behind was rejected, or one of its timers threw.
 *
 * Node ends the process for either, and with it every session in it. With the guard, the error is attributed to the
 * tool call that left it behind, a call that is still open ends with it, and the process goes on. The guard is
 * installed only on request: the command line does so, and a program that embeds the runtime may.
 */
import { inspect } from 'node:util'
import { messageOf } from '../foreign.ts'
import { aFunction, checkOptions, type Fields, optional } from '../options.ts'
import { currentScope, type ToolWork } from './agent/tool-scope.ts'

/** An error that no code caught. */
export interface StrayError {
  readonly error: unknown
  readonly kind: 'exception' | 'rejection'
  /** The tool call that left it behind, where that is known. */
  readonly work?: ToolWork
  /** Whether the call was still open, and has ended with this error. */
  readonly endedCall: boolean
}

export interface GuardOptions {
  /** Called with every error that the process survives. Default: writes one line to stderr. */
  readonly onStray?: (stray: StrayError) => void
  /**
   * Called with errors of the runtime's own code, which a process should not survive; what was under way is in the
   * store. Default: the process ends as it would without the guard.
   */
  readonly onFault?: (error: unknown) => void
}

const OPTIONS: Fields<GuardOptions> = { onStray: optional(aFunction), onFault: optional(aFunction) }

/** Installs the guard for this process; answers a function that removes it. */
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

/** The folder of this package's code, both as sources and as a bundle. */
const PACKAGE: string = packageFolder(import.meta.url)

function packageFolder(url: string): string {
  const cut = Math.max(url.lastIndexOf('/src/'), url.lastIndexOf('/dist/'))
  return url.slice(0, url.indexOf('/', cut + 1) + 1)
}

/**
 * Whether the runtime's own code failed: the innermost stack frame with a file tells. A stack without files is the
 * operating system's (a full disk, a closed pipe), after which the process can't go on either.
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

/** The frames of a stack, without the message, which may name any file. */
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
