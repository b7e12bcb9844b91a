/** The slice's part of the explorer's key. It leaves out when the run started, and the count of boundaries beyond the first. */
import type { Run } from './state.ts'

export function runInWords(run: Run): string {
  if (run.phase === 'none') return 'no run'
  const { runId, contributors, progressed, cancel, keepsAnswer = false, boundary } = run
  return `run ${runId} ${contributors.join()} ${progressed} ${cancel} ${keepsAnswer} ${boundary > 0}`
}
