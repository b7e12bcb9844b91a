/** `meerkat audit`: re-runs a session's log through the kernel. Exit status 1 if a step was not legal. */
import { connect } from '../connection.ts'
import { EXIT, Exit } from '../failure.ts'
import type { Shell } from '../shell.ts'
import { countText, ticking } from '../ticker.ts'

export async function audit(shell: Shell, [session]: readonly unknown[]): Promise<void> {
  const { output } = shell
  const sessionId = String(session)
  const { ask } = await connect(shell)
  const leaving = new AbortController()
  const { signal } = leaving
  shell.atEnd(() => leaving.abort())
  let far: string | undefined
  const onProgress = ({ records, steps }: { readonly records: number; readonly steps: number }): void => {
    far = `${countText(records, 'records')} with ${countText(steps, 'steps')}`
  }
  const auditing = ask('session/audit', { sessionId }, { signal, onProgress })
  const report = await ticking(output, { what: `auditing ${sessionId}`, detail: () => far }, auditing)
  const { ok, steps, firstIllegal } = report
  if (output.json) output.object({ sessionId, ...report })
  else if (ok) output.line(`${output.style('green', 'ok')}  ${steps} steps of ${sessionId} are legal`)
  if (ok) return
  if (!output.json) {
    const where =
      firstIllegal === undefined
        ? ''
        : `: step ${firstIllegal.step} of record ${firstIllegal.position} (${firstIllegal.input}): ${firstIllegal.reason}`
    process.stderr.write(`meerkat: the log of ${sessionId} holds an illegal step${where}\n`)
  }
  throw new Exit(EXIT.failed)
}
