/** The checker's rules about runs: one at a time, in order, with dense receipts, cancelled only on request. */
import type { EventView } from '../../events.ts'
import type { SessionHistory, Told, Violation } from './history.ts'

const RUN_ENDS: ReadonlySet<string> = new Set([
  'run.completed',
  'run.failed',
  'run.cancelled',
  'run.parked',
  'run.interrupted',
])

/** Inputs of a lane get their first attempt in the order in which they were accepted. */
export function orderRule({ events }: SessionHistory): readonly Violation[] {
  const places = new Map<string, { readonly lane: string; readonly place: number }>()
  const reached = new Map<string, number>()
  const started = new Set<string>()
  const found: Violation[] = []
  for (const { type, inputId, lane } of events.filter(isAboutInput)) {
    if (type === 'input.queued') {
      if (!places.has(inputId)) places.set(inputId, { lane: lane === 'steer' ? 'steer' : 'queue', place: places.size })
    } else if (!started.has(inputId)) {
      started.add(inputId)
      // An input that was never queued has no place, which counts as too early.
      const own = places.get(inputId) ?? { lane: 'none', place: -1 }
      const last = reached.get(own.lane) ?? 0
      if (own.place < last) found.push({ rule: 'overtaken', text: `input ${inputId} was overtaken in its lane` })
      reached.set(own.lane, Math.max(last, own.place))
    }
  }
  return found
}

const LANE_EVENTS: ReadonlySet<string> = new Set(['input.queued', 'input.staged', 'input.steered'])

function isAboutInput(event: EventView): event is EventView & { readonly inputId: string } {
  return LANE_EVENTS.has(event.type) && event.inputId !== undefined
}

/** One run at a time, each ended once. */
export function runRule({ id, events }: SessionHistory, settled: boolean): readonly Violation[] {
  const found: Violation[] = []
  let current: string | undefined
  for (const { type, runId } of events) {
    if (type === 'run.started') {
      if (current !== undefined) {
        found.push({
          rule: 'runs-overlap',
          text: `run ${runId} of session ${id} began while run ${current} was current`,
        })
      }
      current = runId
    } else if (RUN_ENDS.has(type)) {
      if (runId !== current) {
        found.push({
          rule: 'runs-overlap',
          text: `run ${runId} ended (${type}) while ${current ?? 'no run'} was current`,
        })
      }
      current = undefined
    }
  }
  if (current !== undefined && settled) {
    found.push({ rule: 'run-not-ended', text: `run ${current} of session ${id} never ended` })
  }
  return found
}

/** The boundaries of a run are numbered from 1 without gaps, and only the current run has any. */
export function receiptRule({ events }: SessionHistory): readonly Violation[] {
  const found: Violation[] = []
  let current: string | undefined
  let next = 1
  for (const { type, runId, boundary } of events) {
    if (type === 'run.started') {
      current = runId
      next = 1
    } else if (type === 'run.boundary') {
      if (runId !== current || boundary !== next) {
        found.push({
          rule: 'receipts-gap',
          text: `run ${runId} has receipt ${String(boundary)} where ${next} of ${current} was due`,
        })
      }
      next++
    }
  }
  return found
}

/** A run is cancelled only on a client's request, and a request cancels at most the one run that it means. */
export function cancelRule({ id, events }: SessionHistory, told: readonly Told[]): readonly Violation[] {
  const meant = new Set<string | undefined>()
  let unknown = 0
  for (const one of told) {
    if (!('session' in one) || one.session !== id) continue
    if (one.type === 'control') unknown++
    if (one.type !== 'cancel' || one.refused !== undefined) continue
    // A client that repeats a request after a lost answer may find that the first one was carried out.
    const runId = one.answer === undefined ? one.named : one.answer.runId
    if (runId !== undefined) meant.add(runId)
    else if (one.answer === undefined) unknown++
  }
  const cancelled = events.filter(({ type }) => type === 'run.cancelled').map(({ runId }) => runId)
  const unasked = cancelled.filter(runId => !meant.has(runId))
  const misled = told.filter(
    one =>
      one.type === 'cancel' &&
      one.session === id &&
      one.named !== undefined &&
      one.answer?.cancelled === true &&
      one.answer.runId !== one.named,
  )
  return [
    ...(unasked.length <= unknown
      ? []
      : [
          {
            rule: 'cancel-hit-another' as const,
            text: `runs ${unasked.join(', ')} were cancelled, and at most ${unknown} requests could have meant them`,
          },
        ]),
    ...misled.map(() => ({
      rule: 'cancel-hit-another' as const,
      text: `a cancel of session ${id} that named a run hit another one`,
    })),
  ]
}
