/**
 * `meerkat send` and `meerkat steer`: send a session an input, and say what became of it.
 *
 * With a server the command is done when the input is accepted. Without one no process would do the work, so the
 * command does it and shows the answer.
 */
import { defined } from '../../../defined.ts'
import type { Connection } from '../ask.ts'
import { connectServer, connectWorker, withOwner } from '../connection.ts'
import { EXIT } from '../failure.ts'
import { isParked } from '../follow.ts'
import type { Shell } from '../shell.ts'
import type { InputView } from '../views.ts'
import { watchInput } from '../watch-input.ts'

export function send(shell: Shell, args: readonly unknown[]): Promise<void> {
  return give(shell, args, 'queue')
}

export function steer(shell: Shell, args: readonly unknown[]): Promise<void> {
  return give(shell, args, 'steer')
}

async function give(shell: Shell, [session, words]: readonly unknown[], mode: 'queue' | 'steer'): Promise<void> {
  const sessionId = String(session)
  const content = Array.isArray(words) ? words.join(' ') : String(words)
  const { model, maxRunMs } = await shell.settings()
  const idempotencyKey = shell.flag('idempotencyKey')
  const opened = (await connectServer(shell)) ?? (await connectWorker(shell))
  const { value: sent, connection } = await withOwner(shell, opened, ({ ask }) =>
    ask('input/send', {
      sessionId,
      content,
      mode,
      resume: true,
      ...(model !== undefined && shell.flag('model') !== undefined && { model }),
      ...defined({ maxRunMs, idempotencyKey }),
    }),
  )
  await tell(shell, connection, { sessionId, inputId: sent.inputId, after: sent.cursor, mode })
  const isOurs = connection.server === undefined
  if (!isOurs && !shell.has('wait')) return
  const watch = { sessionId, inputId: sent.inputId, after: sent.cursor }
  const status = await watchInput(shell, connection.ask, watch, { structured: false })
  if (status !== EXIT.ok) await shell.end(status)
}

interface Sent {
  readonly sessionId: string
  readonly inputId: string
  readonly after: string
  readonly mode: 'queue' | 'steer'
}

/** How long the command waits for a steer's receipt: a run may take long to reach its next boundary. */
const RECEIPT_WITHIN_MS = 10_000

/** Waits until the steer joined a run or became a turn of its own, or the time is over. */
async function steered(ask: Connection['ask'], { sessionId, inputId, after }: Omit<Sent, 'mode'>): Promise<void> {
  const until = performance.now() + RECEIPT_WITHIN_MS
  for (let at = after; ; ) {
    const { input } = await ask('input/get', { sessionId, inputId })
    const waitMs = Math.floor(until - performance.now())
    if (input.receipt !== undefined || input.status !== 'queued' || waitMs <= 0) return
    // The work waits for a person, who may take long.
    if (await isParked(ask, sessionId)) return
    at = (await ask('events/read', { sessionId, after: at, waitMs })).cursor
  }
}

function receiptText({ receipt, status }: InputView, parked: boolean): string {
  if (receipt?.type === 'steered') return `steered, joined run ${receipt.runId} at boundary ${receipt.boundary}`
  if (receipt?.type === 'queued') return 'queued, no run could be joined and it has a turn of its own'
  if (status !== 'queued') return status
  return parked ? 'waiting, joins the work that waits for a decision' : 'waiting, joins the run at its next boundary'
}

/** Shows the receipt. On a terminal it goes to stderr where the answer follows. */
async function tell(
  shell: Shell,
  { ask, server }: Connection,
  { sessionId, inputId, after, mode }: Sent,
): Promise<void> {
  if (mode === 'steer') await steered(ask, { sessionId, inputId, after })
  const { input } = await ask('input/get', { sessionId, inputId })
  if (shell.output.json) return shell.output.object({ type: 'receipt', sessionId, input })
  const parked = mode === 'steer' && input.status === 'queued' && (await isParked(ask, sessionId))
  const text = `${mode === 'steer' ? receiptText(input, parked) : input.status}: input ${inputId}`
  if (server !== undefined && !shell.has('wait')) shell.output.line(text)
  else shell.output.hint(text)
}
