/** What the small runtime always has: one run, one schedule, one operation and one call. */
import type { CallId, InputId, OperationId, RunId, ScheduleId } from '../../../src/kernel/ids.ts'
import type { CallView, OperationView, RunView, ScheduleView } from '../../../src/session/views.ts'

const AT = '2026-01-02T03:04:05.678Z'
const RUN = 'run-1' as RunId

export const run: RunView = {
  id: RUN,
  state: 'completed',
  inputIds: ['input-1' as InputId],
  startedAt: AT,
  endedAt: AT,
}

export const schedule: ScheduleView = {
  id: 'schedule-1' as ScheduleId,
  content: 'look again',
  rule: { type: 'cron', pattern: '0 8 * * *', timeZone: 'Europe/Berlin' },
  nextDueAt: AT,
  overlap: 'skip',
  misfire: 'once',
  createdAt: AT,
}

export const build: OperationView = {
  id: 'operation-1' as OperationId,
  kind: 'background-tool-op',
  title: 'build #42',
  status: 'running',
  startedAt: AT,
  progress: 0,
}

export const call: CallView = {
  id: 'call-1' as CallId,
  inputId: 'input-1' as InputId,
  tool: 'look',
  policy: 'ask',
  state: 'unknown',
  since: AT,
  args: { path: '/' },
}
