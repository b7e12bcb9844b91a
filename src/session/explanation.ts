/**
 * Says in words that a person can act on what a session is doing, or waits for: the kernel's facts, their meaning,
 * and the command that changes them.
 */
import { defined } from '../defined.ts'
import type { SessionId } from '../kernel/ids.ts'
import { mapGet, mapValues } from '../kernel/persistent-map.ts'
import type { CallEntry } from '../kernel/regions/calls/state.ts'
import { entryOf, MAX_ATTEMPTS } from '../kernel/regions/ledger/state.ts'
import { phaseShown } from '../kernel/regions/lifecycle/state.ts'
import { unfinishedOperations } from '../kernel/regions/operations/state.ts'
import { nextDueAt } from '../kernel/regions/schedules/table.ts'
import { type Blocker, blockers, runnable } from '../kernel/runnable.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { Core } from './core.ts'
import type { Explanation } from './views.ts'
import { expiryText, shellWord, spanOf } from './words.ts'

/** What the process that explains knows. */
interface Sight {
  readonly sessionId: string
  /** ms since the epoch */
  readonly now: number
  /** Whether this process has loaded the session. */
  readonly here: boolean
  /** When its run began to wait for a free slot in this process, ms since the epoch; absent: it does not wait. */
  readonly wantsSlot: number | undefined
}

/** What this process knows of the session besides its state. */
export function sightOf({ sessions, clock }: Core, sessionId: string): Sight {
  const live = sessions.peek(sessionId as SessionId)
  const run = live?.loop.performing
  const wantsSlot = run?.isWaiting === true ? run.startedAt : undefined
  return { sessionId, now: clock.now(), here: live?.isServed === true, wantsSlot }
}

type Waiting = Explanation['waitingFor'][number]

/** What keeps the session from moving on, and which command or person can change that. */
export function explanationOf(state: MeerkatState, sight: Sight): Explanation {
  return {
    runnable: runnable(state),
    phase: phaseShown(state.lifecycle),
    summary: summaryOf(state, sight),
    waitingFor:
      sight.wantsSlot === undefined
        ? blockers(state).map(blocker => waitingFor(blocker, state, sight))
        : [slotWanted(sight.now - sight.wantsSlot, sight)],
  }
}

/** Its run is current in the kernel, but waits for a free slot. */
function slotWanted(ms: number, sight: Sight): Waiting {
  const text = 'its turn: as many runs are under way in its process as may be (maxConcurrentRuns)'
  return {
    guard: 'run-slot',
    owner: 'operator',
    text,
    command: `meerkat cancel ${id(sight)}`,
    sinceMs: Math.max(0, ms),
  }
}

function waitingFor(blocker: Blocker, state: MeerkatState, sight: Sight): Waiting {
  const { guard, owner, since, inputId, callId } = blocker
  const call = callId === undefined ? undefined : mapGet(state.calls.open, callId)
  const { text, command } = WORDS[guard]({ state, sight, call })
  const sinceMs = since === undefined ? undefined : Math.max(0, sight.now - since)
  return { guard, owner, text, ...defined({ command, sinceMs, inputId, callId }) }
}

interface Circumstances {
  readonly state: MeerkatState
  readonly sight: Sight
  readonly call: CallEntry | undefined
}

interface Words {
  readonly text: string
  readonly command?: string
}

const WORDS: Readonly<Record<Blocker['guard'], (circumstances: Circumstances) => Words>> = {
  'work-waiting': ({ state, sight }) => ({
    text: state.run.phase === 'bound' ? 'an input for its next turn' : 'an input: it has nothing to do',
    command: `meerkat send ${id(sight)} "…"`,
  }),
  'executor-attached': ({ state, sight }) => ({
    text: 'a process that serves it and can run its work',
    command: state.ledger.waking > 0 ? `meerkat run --session ${id(sight)}` : 'meerkat serve',
  }),
  'no-run-current': ({ sight }) => ({
    text: 'the end of the run that goes on',
    command: `meerkat cancel ${id(sight)}`,
  }),
  'not-stopped': ({ sight }) => ({
    text: 'a `session/resume`: it was stopped',
    command: `meerkat resume ${id(sight)}`,
  }),
  'not-destroyed': () => ({ text: 'nothing any more: it was destroyed, and only its history is left' }),
  'not-draining': () => ({ text: 'its host, which is letting it go' }),
  'stop-not-pending': () => ({ text: 'the end of its run, after which it stops' }),
  registered: () => ({ text: 'a host that serves it', command: 'meerkat serve' }),
  'calls-resolved': ({ call, sight }) => ({
    text: `a person to say what became of the call of ${call?.tool ?? 'a tool'}: its outcome was lost`,
    command: `meerkat resolve ${id(sight)} ${call?.id ?? 'CALL'} retry|succeeded|failed`,
  }),
  'calls-approved': ({ call, sight }) => ({
    text: `a person to allow or deny the call of ${call?.tool ?? 'a tool'}${expires(call, sight)}`,
    command: `meerkat approve ${id(sight)} ${call?.id ?? 'CALL'} [--deny]`,
  }),
}

function expires(call: CallEntry | undefined, { now }: Sight): string {
  return call?.expiry === undefined ? '' : `; it ${expiryText(call.expiry.at, call.expiry.decision, now)}`
}

/** One sentence whose subject is the session. */
function summaryOf(state: MeerkatState, sight: Sight): string {
  const parts = [doing(state, sight), queued(state), background(state), scheduled(state, sight)]
  return parts.filter(part => part !== undefined).join('; ')
}

function doing(state: MeerkatState, sight: Sight): string {
  const { lifecycle, run } = state
  if (run.phase === 'bound') return running(state, sight)
  if (lifecycle.phase === 'destroyed') return 'was destroyed'
  if (lifecycle.phase === 'stopped') return 'is stopped'
  if (runnable(state)) {
    return sight.here ? 'starts its next run now' : 'has work that can go on, which no run has taken up yet'
  }
  if (state.ledger.waking > 0) return whyNotGoingOn(state)
  return lifecycle.phase === 'retired' ? 'is retired and has finished its work' : 'is idle and takes inputs'
}

function running(state: MeerkatState, sight: Sight): string {
  const { run } = state
  if (run.phase !== 'bound') return ''
  const attempts = Math.max(0, ...run.contributors.map(id => entryOf(state.ledger, id)?.attempts ?? 0))
  const which = attempts > 1 ? ` (attempt ${attempts} of ${MAX_ATTEMPTS})` : ''
  const cancel = { none: '', boundary: ', to be cancelled at its next boundary', now: ', being cancelled' }[run.cancel]
  if (sight.wantsSlot !== undefined)
    return `waits its turn since ${spanOf(sight.now - sight.wantsSlot)}${which}${cancel}`
  return `works since ${spanOf(sight.now - run.startedAt)}${which}: ${activity(state, sight)}${cancel}`
}

/** What the current run is doing. */
function activity({ calls, turn }: MeerkatState, { now }: Sight): string {
  const tools = [...mapValues(calls.open)].filter(({ state }) => state === 'dispatched')
  if (tools.length > 0) return tools.map(({ tool, at }) => `runs ${tool} for ${spanOf(now - at)}`).join(', ')
  if (turn.phase === 'errorRecovery') {
    const { attempt, maxRetries, delayMs } = turn.retry
    return `waits up to ${spanOf(delayMs)} to ask the model again (retry ${attempt} of ${maxRetries})`
  }
  return turn.phase === 'waitingForOps' ? 'waits for its tools' : 'asks the model'
}

/** Why unfinished work does not go on. */
function whyNotGoingOn(state: MeerkatState): string {
  const guards = new Set(blockers(state).map(({ guard }) => guard))
  if (guards.has('calls-approved')) return 'waits for a decision'
  if (guards.has('calls-resolved')) return 'waits for word of a call whose outcome was lost'
  return "has work that can't go on now"
}

function queued({ ledger, run, lifecycle }: MeerkatState): string | undefined {
  const waiting = ledger.queue.slots.size + ledger.steer.slots.size
  if (waiting === 0) return undefined
  const inputs = `${count(waiting, 'input')} ${waiting === 1 ? 'waits' : 'wait'}`
  if (lifecycle.phase === 'stopped') return `${inputs} until it is resumed`
  return run.phase === 'bound' ? `${inputs} for the next turn` : inputs
}

function background({ operations }: MeerkatState): string | undefined {
  const going = unfinishedOperations(operations).length
  return going === 0 ? undefined : `${count(going, 'background operation')} ${going === 1 ? 'goes' : 'go'} on`
}

function scheduled(state: MeerkatState, { now }: Sight): string | undefined {
  const next = nextDueAt(state)
  if (next === undefined) return undefined
  return next > now ? `a schedule is due in ${spanOf(next - now)}` : `a schedule is overdue since ${spanOf(now - next)}`
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`

function id({ sessionId }: Sight): string {
  return shellWord(sessionId)
}
