/** What observers and indexes get of a kernel effect. Mechanical: one case an effect, no decision. */
import type { EventType, NewEvent } from '../events.ts'
import type { MeerkatEffect } from '../kernel/effects.ts'
import type { RunId } from '../kernel/ids.ts'
import type { Terminal } from '../kernel/regions/ledger/state.ts'
import type { EndedRecord, OperationEndedRecord, ResultRecord } from '../store/records.ts'
import type { LocatedId } from '../store/store.ts'

interface Into {
  readonly events: NewEvent[]
  readonly ended: EndedRecord[]
  readonly operationsEnded: OperationEndedRecord[]
  readonly opened: LocatedId[]
  readonly closed: LocatedId[]
}

/** Which of a record's ids an event takes over when it names none. */
interface Inheritance {
  readonly run: boolean
  readonly input: boolean
}

const INPUT: Inheritance = { run: false, input: true }
const RUN: Inheritance = { run: true, input: false }
const BOTH: Inheritance = { run: true, input: true }
const NEITHER: Inheritance = { run: false, input: false }
const FAMILIES: ReadonlyMap<string, Inheritance> = new Map([
  ['input', INPUT],
  ...['run', 'turn', 'text', 'reasoning', 'tool', 'budget', 'model'].map(family => [family, RUN] as const),
])
/** By type: those that differ from their family, and the first that were asked for. Whoever makes up types fills nothing. */
const KNOWN: Map<string, Inheritance> = new Map([
  ['input.staged', BOTH],
  ['input.steered', BOTH],
  ['input.consumed', BOTH],
])
const MOST_KNOWN = 256

/** Which of a record's ids an event of this type takes over when it names none. */
export function inherits(type: string): Inheritance {
  const known = KNOWN.get(type)
  if (known !== undefined) return known
  const made = FAMILIES.get(type.slice(0, type.indexOf('.'))) ?? NEITHER
  if (KNOWN.size < MOST_KNOWN) KNOWN.set(type, made)
  return made
}

/** Files every effect's events, ends and index entries. */
export function project(effects: readonly MeerkatEffect[], into: Into, result: ResultRecord | undefined): void {
  // Looked for once: a step may end any number of inputs.
  let run: { readonly result: ResultRecord | undefined } | undefined
  for (const effect of effects) {
    if (effect.type === 'InputTerminated') {
      run ??= { result: toldBy(effects) }
      terminated(effect, into, result ?? (isOfRun(effect.terminal) ? run.result : undefined))
    } else if (!projectRun(effect, effects, into) && !projectBackground(effect, into)) projectInput(effect, into)
  }
}

/** Effects of runs and their calls; false for any other. */
function projectRun(effect: MeerkatEffect, all: readonly MeerkatEffect[], into: Into): boolean {
  switch (effect.type) {
    case 'SubmitRunPrimitive':
      into.opened.push(effect.runId)
      into.events.push({ type: 'run.started', runId: effect.runId, data: { inputIds: effect.contributors } })
      return true
    case 'BoundaryApplied':
      boundary(effect, into)
      return true
    case 'RunCompleted':
    case 'RunFailed':
    case 'RunCancelled':
    case 'RunRolledBack':
      into.closed.push(effect.runId)
      into.events.push(runEnd(effect, all))
      return true
    case 'CallChanged': {
      const { callId, tool: name, state, reason } = effect
      into.events.push({ type: CALL_EVENTS[state], data: { callId, name, ...(reason && { code: reason }) } })
      return true
    }
    default:
      return false
  }
}

/** Effects of operations and schedules; false for any other. */
function projectBackground(effect: MeerkatEffect, into: Into): boolean {
  switch (effect.type) {
    case 'OperationEnded': {
      const { operationId, kind, status, reason } = effect
      if (kind === 'background-tool-capacity-slot') return true
      into.closed.push(operationId)
      into.operationsEnded.push({
        id: operationId,
        outcome: status,
        ...(reason !== undefined && { error: reason, reason }),
      })
      into.events.push({ type: `operation.${status}`, data: { operationId, ...(reason !== undefined && { reason }) } })
      return true
    }
    case 'ScheduleFired':
      into.events.push({ type: 'schedule.fired', inputId: effect.inputId, data: scheduleData(effect) })
      return true
    case 'ScheduleSkipped':
      into.events.push({ type: 'schedule.skipped', data: { ...scheduleData(effect), reason: effect.reason } })
      return true
    case 'ScheduleEnded': {
      const { scheduleId, reason } = effect
      into.closed.push(scheduleId)
      into.events.push({ type: 'schedule.ended', data: { scheduleId, reason } })
      return true
    }
    default:
      return false
  }
}

function scheduleData({ scheduleId, dueAt }: { readonly scheduleId: string; readonly dueAt: number }) {
  return { scheduleId, dueAt: new Date(dueAt).toISOString() }
}

/** Effects of inputs and the session. Others are verdicts and hints for the shell; observers see what follows of them. */
function projectInput(effect: MeerkatEffect, into: Into): void {
  switch (effect.type) {
    case 'InputAccepted': {
      const { inputId, lane } = effect
      into.opened.push(inputId)
      into.events.push({ type: 'input.accepted', inputId })
      into.events.push({ type: 'input.queued', inputId, ...(lane === 'steer' && { data: { lane } }) })
      break
    }
    case 'InputStaged':
      into.events.push(staged(effect))
      break
    case 'InputSteered': {
      const { inputId, runId, boundary: number } = effect
      into.events.push({ type: 'input.steered', inputId, runId, data: { boundary: number } })
      break
    }
    case 'InputRequeued':
      into.events.push({ type: 'input.queued', inputId: effect.inputId, data: { attempts: effect.attempts } })
      break
    case 'RuntimeNotice':
      if (effect.notice === 'Recover') into.events.push({ type: 'session.recovered' })
      break
    case 'SessionRegistered':
      into.events.push({ type: 'session.opened' })
      break
    default:
  }
}

function staged(effect: Extract<MeerkatEffect, { type: 'InputStaged' }>): NewEvent {
  const { inputId, runId, attempt } = effect
  const event = { type: 'input.staged', inputId, runId } as const
  return attempt === 1 ? event : { ...event, data: { attempt } }
}

function boundary(effect: Extract<MeerkatEffect, { type: 'BoundaryApplied' }>, into: Into): void {
  const { runId, boundary: number, contributors, steered } = effect
  const data = { boundary: number, inputIds: contributors, ...(steered.length > 0 && { steered }) }
  into.events.push({ type: 'run.boundary', runId, data })
}

/** Whether an input ended with a run that the same step ended. */
function isOfRun(terminal: Terminal): boolean {
  return terminal.status === 'consumed' || (terminal.status === 'abandoned' && terminal.reason === 'cancelled')
}

/** The result of a run that was closed without one: by whoever drives its turn by hand. It says how, if not what. */
function toldBy(effects: readonly MeerkatEffect[]): ResultRecord | undefined {
  for (const effect of effects) {
    const { type } = effect
    if (type === 'RunCompleted') return { outcome: 'completed', runId: effect.runId }
    if (type === 'RunCancelled') return { outcome: 'cancelled', runId: effect.runId }
    if (type === 'RunFailed') {
      const { runId, cause, outcome } = effect
      return { outcome: 'failed', runId, error: { code: outcome, message: `the turn failed: ${cause}`, cause } }
    }
  }
  return undefined
}

function terminated(
  effect: Extract<MeerkatEffect, { type: 'InputTerminated' }>,
  into: Into,
  result: ResultRecord | undefined,
): void {
  const { inputId, terminal, attempts } = effect
  into.closed.push(inputId)
  const why =
    terminal.status === 'abandoned' ? { reason: terminal.reason } : 'by' in terminal ? { by: terminal.by } : undefined
  into.ended.push({ id: inputId, status: terminal.status, attempts, ...why, ...(result && { result }) })
  const runId = result?.runId
  into.events.push({
    type: `input.${terminal.status}`,
    inputId,
    ...(runId && terminal.status === 'consumed' && { runId }),
    ...(why && { data: why }),
  })
}

function runEnd(
  effect: Extract<MeerkatEffect, { type: `Run${string}`; runId: RunId }>,
  all: readonly MeerkatEffect[],
): NewEvent {
  const { runId } = effect
  switch (effect.type) {
    case 'RunFailed':
      return { type: 'run.failed', runId, data: { cause: effect.cause } }
    case 'RunRolledBack':
      return rolledBack(runId, effect.cause, all)
    case 'RunCancelled':
      return { type: 'run.cancelled', runId }
    default:
      return { type: 'run.completed', runId }
  }
}

/** A run that will be tried again was interrupted; one that took its inputs with it has failed. */
function rolledBack(
  runId: RunId,
  cause: Extract<MeerkatEffect, { type: 'RunRolledBack' }>['cause'],
  all: readonly MeerkatEffect[],
): NewEvent {
  if (cause === 'parked') return { type: 'run.parked', runId }
  const type = all.some(({ type }) => type === 'InputTerminated') ? 'run.failed' : 'run.interrupted'
  return { type, runId, data: { cause } }
}

const CALL_EVENTS: Readonly<Record<Extract<MeerkatEffect, { type: 'CallChanged' }>['state'], EventType>> = {
  awaitingApproval: 'tool.approval-needed',
  owed: 'tool.owed',
  dispatched: 'tool.started',
  succeeded: 'tool.completed',
  failed: 'tool.failed',
  unknown: 'tool.unknown',
}
