/** What `serve` and `worker` write to stderr: one line a fact, up to the log level. */
import { inspect } from 'node:util'
import type { Fact, RuntimeObserver } from '../../observer.ts'
import type { FaultLog } from '../fault.ts'
import { oneLine } from './failure.ts'
import { LOG_LEVELS, type LogLevel } from './settings.ts'

export interface ServeLog {
  readonly observer: RuntimeObserver
  readonly faults: FaultLog
}

interface LogOptions {
  readonly level: LogLevel
  readonly json: boolean
}

type Write = (level: LogLevel, text: string, fact: object) => void

export function serveLog({ level, json }: LogOptions): ServeLog {
  const most = LOG_LEVELS.indexOf(level)
  const write: Write = (of, text, fact) => {
    if (LOG_LEVELS.indexOf(of) > most) return
    const at = new Date().toISOString()
    const line = json ? JSON.stringify({ ...fact, at, level: of, message: text }) : `${at} ${of.padEnd(5)} ${text}`
    process.stderr.write(`${line}\n`)
  }
  return {
    faults: ({ id, error }) => write('error', `internal error ${id}: ${inspect(error)}`, { id }),
    observer: {
      inputAccepted: fact => write('debug', `session ${fact.sessionId}: input ${fact.inputId} accepted`, fact),
      runStarted: fact =>
        write('info', `session ${fact.sessionId}: run ${fact.runId} started, attempt ${fact.attempt}`, fact),
      runEnded: fact => write(levelOf(fact), runText(fact), fact),
      modelCalled: fact => write(fact.failed ? 'info' : 'debug', modelText(fact), fact),
      toolCalled: fact => write(fact.ok ? 'debug' : 'info', toolText(fact), fact),
      committed: fact => {
        if (fact.failed !== undefined)
          write('warn', `session ${fact.sessionId}: a commit was refused: ${fact.failed}`, fact)
      },
      lease: fact => write(fact.event === 'lost' ? 'warn' : 'debug', `session ${fact.sessionId}: ${fact.event}`, fact),
    },
  }
}

function levelOf({ outcome }: Fact<'runEnded'>): LogLevel {
  return outcome === 'failed' || outcome === 'threw' ? 'warn' : 'info'
}

function runText({ sessionId, runId, outcome, durationMs, error, message }: Fact<'runEnded'>): string {
  const why = [error, message].filter(part => part !== undefined).join(': ')
  const how = outcome === 'threw' ? 'failed' : outcome
  return `session ${sessionId}: run ${runId} ${how} after ${durationMs} ms${why === '' ? '' : `: ${oneLine(why)}`}`
}

function modelText({ sessionId, model, durationMs, finish, failed }: Fact<'modelCalled'>): string {
  return `session ${sessionId}: ${model} ${failed ? 'failed' : 'answered'} after ${durationMs} ms (${finish})`
}

function toolText({ sessionId, tool, durationMs, ok, code }: Fact<'toolCalled'>): string {
  return `session ${sessionId}: ${tool} ${ok ? 'ended' : `failed (${code ?? 'unknown'})`} after ${durationMs} ms`
}
