/**
 * Work that waits for a person: at a terminal the person is asked; in a script the command ends, and says what to type.
 */
import { MeerkatError } from '../../errors.ts'
import type { Ask } from './ask.ts'
import type { Watched } from './follow.ts'
import { brief } from './output.ts'
import type { Shell } from './shell.ts'
import { untilText } from './until.ts'
import type { ApprovalView, CallView } from './views.ts'

/** What is waited for, and how to cancel it. */
interface Waiting extends Watched {
  readonly cancel: () => Promise<void>
}

/** Asks for every decision that the session waits for. Ctrl-C in the place of an answer cancels the work. */
export async function askForDecisions(shell: Shell, ask: Ask, { sessionId, cancel }: Waiting): Promise<void> {
  const { approvals } = await ask('approval/list', { sessionId })
  const { calls: unknown } = await ask('call/list', { sessionId, state: 'unknown' })
  const canAsk = process.stdin.isTTY && process.stderr.isTTY && !shell.output.json
  if (!canAsk) throw parked(sessionId, approvals, unknown)
  const { createInterface } = await import('node:readline/promises')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const interrupt = new AbortController()
  const { signal } = interrupt
  terminal.on('SIGINT', () => interrupt.abort())
  try {
    for (const approval of approvals) {
      const { id, tool, args } = approval
      const question = `${tool} ${brief(args ?? {}, 200)} — run it${untilText(approval)}? [y/N] `
      const answer = await terminal.question(question, { signal })
      const decision = /^y(es)?$/i.test(answer.trim()) ? 'allow' : 'deny'
      await ask('approval/decide', { sessionId, approvalId: id, decision })
    }
    for (const { id, tool } of unknown) {
      const answer = await terminal.question(
        `${tool} was interrupted and may have had its effect — [r]etry, it [s]ucceeded, it [f]ailed? `,
        { signal },
      )
      await ask('call/resolve', { sessionId, callId: id, resolution: resolutionOf(answer) })
    }
  } catch (error) {
    if (!signal.aborted) throw error
    await cancel()
  } finally {
    terminal.close()
  }
}

function resolutionOf(answer: string): 'retry' | 'succeeded' | 'failed' {
  switch (answer.trim().charAt(0).toLowerCase()) {
    case 'r':
      return 'retry'
    case 's':
      return 'succeeded'
    default:
      return 'failed'
  }
}

function parked(sessionId: string, approvals: readonly ApprovalView[], unknown: readonly CallView[]): MeerkatError {
  const [approval] = approvals
  const [call] = unknown
  const what =
    approval === undefined
      ? `the outcome of ${call?.tool ?? 'a call'} was lost: say \`meerkat resolve ${sessionId} ${call?.id ?? 'CALL'} retry|succeeded|failed\``
      : `${approval.tool} waits for approval${untilText(approval)}: say \`meerkat approve ${sessionId} ${approval.id}\` (--deny refuses)`
  return new MeerkatError('not-ready', `${what} and it goes on`, {
    details: { sessionId, approvals: approvals.map(({ id }) => id), unknownCalls: unknown.map(({ id }) => id) },
  })
}
