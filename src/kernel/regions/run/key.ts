/** What of the slice the explorer tells apart. Left out: how many boundaries it has passed, beyond whether any; and when it started. */
import type { Run } from './state.ts'

export function runInWords(run: Run): string {
  if (run.phase === 'none') return 'no run'
  const { runId, contributors, progressed, cancel, keepsAnswer = false, boundary } = run
  return `run ${runId} ${contributors.join()} ${progressed} ${cancel} ${keepsAnswer} ${boundary > 0}`
}
