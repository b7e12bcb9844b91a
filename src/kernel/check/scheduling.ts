/**
 * Checks what the kernel answers the runtime about a state against the machine itself:
 *
 * 1. Where `runnable` holds a run can be started, and `blockers` names nothing; elsewhere it names something.
 * 2. Where `hearable` holds a run can be started, and takes in the waiting steers while its call is undecided.
 * 3. Completions that are due can be reported at once, and are not due again.
 * 4. A schedule that is due can fire at once, and its input is admitted.
 * 5. Due steps can be taken, and leave none due.
 */
import type { MeerkatEffect } from '../effects.ts'
import type { InputId, RunId } from '../ids.ts'
import type { MeerkatInput } from '../inputs.ts'
import { settlingSteps, takeOverSteps } from '../owed.ts'
import { mapValues } from '../persistent-map.ts'
import { inOrder } from '../regions/lane.ts'
import { entryOf, type LedgerEntry } from '../regions/ledger/state.ts'
import { dueSchedules, nextDueAt } from '../regions/schedules/table.ts'
import { blockers, completionBatchDue, hearable, runnable } from '../runnable.ts'
import type { MeerkatState } from '../state.ts'
import type { Machine } from '../step.ts'

export type SchedulingProperty =
  | 'runnable-runs'
  | 'blockers-explain'
  | 'pending-work-hears'
  | 'due-completions-are-told'
  | 'due-schedules-fire'
  | 'owed-steps-settle'

export interface SchedulingFault {
  readonly property: SchedulingProperty
  readonly text: string
}

type SessionMachine = Machine<MeerkatState, MeerkatInput, MeerkatEffect>

const probe = 'probe' as RunId
const starts: readonly MeerkatInput[] = [
  { type: 'Prepare', runId: probe, at: 0 },
  { type: 'DrainQueuedRun', runId: probe, at: 0 },
]

/** All answers about this state that are wrong. */
export function schedulingFaults(machine: SessionMachine, state: MeerkatState): readonly SchedulingFault[] {
  return [
    ...runFaults(machine, state),
    ...hearingFaults(machine, state),
    ...completionFaults(machine, state),
    ...scheduleFaults(machine, state),
    ...owedFaults(machine, state),
  ]
}

/** The state after all of the inputs, or undefined if one is refused. */
function after(
  machine: SessionMachine,
  state: MeerkatState,
  inputs: readonly MeerkatInput[],
): MeerkatState | undefined {
  let next = state
  for (const input of inputs) {
    const result = machine.step(next, input)
    if (!result.ok) return undefined
    next = result.state
  }
  return next
}

function runFaults(machine: SessionMachine, state: MeerkatState): readonly SchedulingFault[] {
  const runs = runnable(state)
  const found = blockers(state)
  const faults: SchedulingFault[] = []
  if (runs && !starts.some(input => startsWork(after(machine, state, [input]))))
    faults.push({ property: 'runnable-runs', text: 'a session is runnable, but no run starts' })
  if (runs !== (found.length === 0)) {
    const names = found.map(one => one.guard).join(', ')
    const text = runs ? `it is runnable, but blocked by ${names}` : 'it is not runnable for no reason'
    faults.push({ property: 'blockers-explain', text })
  }
  return faults
}

/** The steps of the loop where steers join parked work. */
const hearing: readonly MeerkatInput[] = [
  { type: 'StartConversationRun', runId: probe },
  { type: 'PrimitiveApplied', runId: probe },
  { type: 'LlmReturnedToolCalls', runId: probe, toolCount: 1 },
  { type: 'ToolCallsResolved', runId: probe },
  { type: 'BoundaryContinue', runId: probe },
]

function hearingFaults(machine: SessionMachine, state: MeerkatState): readonly SchedulingFault[] {
  if (!hearable(state)) return []
  const heard = starts.map(input => after(machine, state, [input, ...hearing])).find(one => one !== undefined)
  const isHeard =
    heard !== undefined && ![...inOrder(heard.ledger.steer)].some(id => mayJoin(entryOf(heard.ledger, id)))
  const text = 'work that waits for a decision is to hear steers, but does not'
  return isHeard ? [] : [{ property: 'pending-work-hears', text }]
}

/** Work with a journal of its own joins no other. */
function mayJoin(entry: LedgerEntry | undefined): boolean {
  return entry?.wake === true && entry.progressed !== true
}

/** The run that starts answers at least one input that may start a turn. */
function startsWork(state: MeerkatState | undefined): boolean {
  if (state === undefined) return false
  return [...mapValues(state.ledger.entries)].some(entry => entry.status === 'staged' && entry.wake)
}

/** The id of an input that the runtime would send to wake the session; no state has it. */
const news = 'news' as InputId
const announcing: MeerkatInput = {
  type: 'AcceptInput',
  inputId: news,
  at: 0,
  kind: 'continuation',
  origin: 'system',
  durability: 'derived',
  mode: 'steer',
}
const waking: MeerkatInput = { type: 'AcceptInput', inputId: news, at: 0, kind: 'external-event', origin: 'system' }

function completionFaults(machine: SessionMachine, state: MeerkatState): readonly SchedulingFault[] {
  const batch = completionBatchDue(state)
  if (batch === undefined) return []
  const { through } = batch
  const told = after(machine, state, [
    { type: 'AdvanceOperationCursor', cursor: 'runtimeInjected', through, inputId: news },
    announcing,
  ])
  const text =
    told === undefined
      ? 'completions are due, but can not be told'
      : completionBatchDue(told) && 'completions are due again after they were told'
  return text === undefined ? [] : [{ property: 'due-completions-are-told', text }]
}

function scheduleFaults(machine: SessionMachine, state: MeerkatState): readonly SchedulingFault[] {
  const at = nextDueAt(state)
  const due = at === undefined ? [] : dueSchedules(state, at)
  if (at !== undefined && due.length === 0)
    return [{ property: 'due-schedules-fire', text: 'no schedule is due when the next one is' }]
  const stuck = due.find(({ id, recurring }) => {
    const next = recurring ? { nextDueAt: at === undefined ? 1 : at + 1 } : {}
    const fire: MeerkatInput = { type: 'FireSchedule', scheduleId: id, at: at ?? 0, inputId: news, ...next }
    return after(machine, state, [fire, waking]) === undefined
  })
  return stuck === undefined ? [] : [{ property: 'due-schedules-fire', text: 'a schedule is due, but can not fire' }]
}

function owedFaults(machine: SessionMachine, state: MeerkatState): readonly SchedulingFault[] {
  const faults: SchedulingFault[] = []
  const takingOver = takeOverSteps(state)
  const taken = after(machine, state, takingOver)
  const fault = (text: string): void => void faults.push({ property: 'owed-steps-settle', text })
  if (taken === undefined) fault('a session can not be taken over')
  else if (takeOverSteps(taken).length > 0) fault('a session that was taken over is still owed it')
  else if (stopIsOwed(state) && taken.lifecycle.phase !== 'stopped') fault('a stop that was asked for is forgotten')
  const settling = settlingSteps(state)
  if (settling.length === 0) return faults
  const settled = after(machine, state, settling)
  if (settled === undefined || settlingSteps(settled).length > 0) fault('what is left over can not be given up')
  return faults
}

function stopIsOwed({ lifecycle }: MeerkatState): boolean {
  return (lifecycle.phase === 'attached' || lifecycle.phase === 'running') && lifecycle.stopDeferred
}
