/**
 * Watches an input to its end, shows its work, and reports the result: the exit status and, after a failure, one line.
 */
import { defined } from '../../defined.ts'
import { AnswerPrinter } from './answer.ts'
import type { Ask } from './ask.ts'
import { EXIT, oneLine } from './failure.ts'
import { follow, type Watched } from './follow.ts'
import { cancelText, ladder } from './interrupts.ts'
import { askForDecisions } from './parked.ts'
import type { Shell } from './shell.ts'
import type { InputView, RunResult } from './views.ts'

export type Watch = Watched

export async function watchInput(
  shell: Shell,
  ask: Ask,
  watch: Watch,
  { structured }: { readonly structured: boolean },
): Promise<number> {
  const { output } = shell
  const printer = new AnswerPrinter(output, watch.inputId)
  const steps = cancelling(shell, ask, watch, printer)
  const release = shell.onInterrupt(() => steps.press())
  shell.worksUnread()
  try {
    let at = watch
    for (;;) {
      const followed = await follow(ask, at, event => {
        if (output.json) output.object(event)
        else if (!structured) printer.see(event)
      })
      if (followed.type === 'ended') return conclude(shell, watch, { input: followed.input, printer, structured })
      at = { ...watch, after: followed.cursor }
      printer.finish()
      await askForDecisions(shell, ask, {
        ...watch,
        cancel: async () => output.hint(await cancelInput(ask, { ...watch, when: 'now' })),
      })
    }
  } finally {
    release()
  }
}

function cancelling(
  shell: Shell,
  ask: Ask,
  { sessionId, inputId }: Watch,
  printer: AnswerPrinter,
): ReturnType<typeof ladder> {
  const cancel = (when: 'boundary' | 'now', next: string): void => {
    // The end of the input decides the result; a failed cancel is reported, and another Ctrl-C still ends the command.
    void cancelInput(ask, { sessionId, inputId, when }).then(
      text => printer.hint(`${text}; Ctrl-C again ${next}`),
      (error: unknown) => {
        shell.output.warn(`meerkat: not cancelled: ${error instanceof Error ? oneLine(error.message) : String(error)}`)
      },
    )
  }
  return ladder({ atBoundary: () => cancel('boundary', 'cancels now'), now: () => cancel('now', 'leaves') })
}

/** Cancels the run that works on an input, or withdraws the input where none does. Answers what was done. */
async function cancelInput(
  ask: Ask,
  {
    sessionId,
    inputId,
    when,
  }: { readonly sessionId: string; readonly inputId: string; readonly when: 'boundary' | 'now' },
): Promise<string> {
  const { runId, status } = (await ask('input/get', { sessionId, inputId })).input
  if (status === 'queued') {
    const { withdrawn } = await ask('input/withdraw', { sessionId, inputId })
    if (withdrawn) return 'cancelled: nothing more is done for it'
  }
  return cancelText(await ask('run/cancel', { sessionId, when, ...defined({ runId }) }), when)
}

interface Conclusion {
  readonly input: InputView
  readonly printer: AnswerPrinter
  readonly structured: boolean
}

function conclude(shell: Shell, { sessionId }: Watch, { input, printer, structured }: Conclusion): number {
  const { output } = shell
  const { result } = input
  printer.finish()
  if (output.json) output.object(resultObject(sessionId, input))
  else if (structured && result?.output !== undefined) output.line(JSON.stringify(result.output, null, 2))
  else if (!printer.wrote && result?.text !== undefined && result.text !== '') {
    output.text(result.text)
    output.line()
  }
  if (result?.outcome === 'completed') {
    output.hint(`session ${sessionId}${usageText(result)}`)
    return EXIT.ok
  }
  const isCancelled = result?.outcome === 'cancelled' || input.status === 'withdrawn'
  if (isCancelled)
    tell(
      shell,
      { code: 'cancelled', message: `cancelled; go on with: meerkat run --session ${sessionId} "…"` },
      sessionId,
    )
  else tell(shell, failureOf(input), sessionId)
  return isCancelled ? EXIT.interrupted : EXIT.failed
}

function resultObject(sessionId: string, { id, status, reason, attempts, runId, result }: InputView): object {
  return {
    type: 'result',
    sessionId,
    inputId: id,
    status,
    ...defined({ reason }),
    attempts,
    ...defined({ runId }),
    ...result,
  }
}

function usageText({ usage }: RunResult): string {
  const total = usage?.totalTokens ?? (usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0)
  return total > 0 ? ` · ${usage?.unmeasured === true ? 'at least ' : ''}${total} tokens` : ''
}

function failureOf({ status, reason, result, attempts }: InputView): {
  readonly code: string
  readonly message: string
} {
  if (result?.error !== undefined)
    return { code: result.error.code, message: `the run failed: ${result.error.message}` }
  const tries = attempts > 1 ? ` after ${attempts} attempts` : ''
  const message = `the input was not answered: ${status}${reason === undefined ? '' : ` (${reason})`}${tries}`
  return { code: reason ?? status, message }
}

/** The line on stderr, in the form that was asked for. */
function tell(
  shell: Shell,
  { code, message }: { readonly code: string; readonly message: string },
  sessionId: string,
): void {
  const text = oneLine(message)
  const line = shell.output.json
    ? JSON.stringify({ code, message: text, retryable: false, details: { sessionId } })
    : `meerkat: ${text}`
  process.stderr.write(`${line}\n`)
}
