import type { MeerkatInput } from '../inputs.ts'
import type { MeerkatState } from '../state.ts'
import {
  accept,
  attached,
  initialized,
  interruption,
  registrations,
  runEnds,
  runId,
  serving,
  teardown,
  wholeTurn,
} from './alphabet.ts'
import { liveInputs, mcpServersOf, productTurnInputs, realtimeInputs, surfaceInputs } from './alphabet-live.ts'
import type { Configuration } from './configuration.ts'

/**
 * Inputs that take a session through its phases: conditions see only its phase and registration. The run that makes it
 * `running` is interrupted. An input comes only where it can start a run, and no process takes over during one: queues and
 * retries are explored in `runs`.
 */
function phasesOf({ lifecycle, ledger }: MeerkatState): readonly MeerkatInput[] {
  if (lifecycle.phase === 'running') return runningPhases
  return lifecycle.phase === 'attached' && ledger.entries.size === 0 ? attachedPhases : otherPhases
}
const runningPhases: readonly MeerkatInput[] = [
  ...serving,
  { type: 'Retire' },
  { type: 'StopRuntimeExecutor', reason: 'asked' },
  { type: 'RuntimeExecutorExited' },
  { type: 'Resume' },
  { type: 'Destroy' },
  interruption,
]
const otherPhases: readonly MeerkatInput[] = [...runningPhases, { type: 'Recover' }]
const attachedPhases: readonly MeerkatInput[] = [...otherPhases, accept('a')]

/** The same from the beginning, with a change of the session's id, and a teardown in one order. */
function identities(state: MeerkatState): readonly MeerkatInput[] {
  const next = unregistering(state)
  const leaving = teardown.filter(input => input.type === next && !('forcedAbort' in input && input.forcedAbort))
  return [...initialized, ...phasesOf(state), ...registrations.slice(0, 1), ...registrations.slice(2, 3), ...leaving]
}
function unregistering({ registration }: MeerkatState): MeerkatInput['type'] {
  if (registration.phase !== 'draining') return 'BeginUnregisterSession'
  const { loop, comms, waiters } = registration.drain
  if (loop === 'open') return 'RuntimeLoopStoppedForUnregister'
  if (comms === 'open') return 'CommsDrainExitedForUnregister'
  return waiters === 'open' ? 'CompletionWaitersResolvedForUnregister' : 'UnregisterSession'
}

const mcpServers: Configuration = {
  name: 'mcp-servers',
  about:
    'The connection to one MCP server, in every state and through every phase of its session. One is enough: servers see nothing of each other.',
  prefix: initialized,
  inputs: state => [...identities(state), ...mcpServersOf('m')],
}

const toolSurfaces: Configuration = {
  name: 'tool-surfaces',
  about:
    'One surface through everything that can happen to it beside the phases of its session, with calls that outlive their connection, their run and their session’s service. One is enough: surfaces share only their numbers and which of two tools has a name, and no guard reads that.',
  prefix: attached,
  inputs: state => [...phasesOf(state), ...surfaceInputs(state, 2)],
}

const realtime: Configuration = {
  name: 'realtime',
  about:
    'A realtime attachment through everything that can happen to it, in the name of its binding and of another, beside the phases and identities of its session. The turn stands still: what it forbids is in `live-topology`.',
  prefix: attached,
  inputs: state => [...identities(state), ...realtimeInputs(state)],
}

const liveTopology: Configuration = {
  name: 'live-topology',
  about:
    'The one pair of an attachment and a turn: when a binding may be let go of. One run with a tool call, a failure and a cancel, to its end.',
  prefix: [...attached, accept('a')],
  inputs: state => [...turning, ...realtimeInputs(state)],
}
const TURNING: readonly MeerkatInput['type'][] = [
  'StartConversationRun',
  'PrimitiveApplied',
  'LlmReturnedToolCalls',
  'ToolCallsResolved',
  'BoundaryContinue',
  'BoundaryComplete',
  'CancelNow',
  'CancellationObserved',
]
const turning: readonly MeerkatInput[] = [
  ...serving,
  accept('a'),
  ...wholeTurn.filter(({ type }) => TURNING.includes(type)),
  { type: 'FatalFailure', runId, source: 'llm' },
  ...runEnds.slice(0, 3),
  interruption,
]

const productTurn: Configuration = {
  name: 'product-turn',
  about:
    'A product turn through all of its phases, with news for the transport at every time, beside the phases and identities of its session.',
  prefix: [],
  inputs: state => [...identities(state), ...productTurnInputs(state)],
}

const live: Configuration = {
  name: 'live',
  about:
    'One live channel and its tokens through everything that can happen to them, with words from the wrong session and channel, beside every phase and identity of the session, its drain window and its deferred stop. A second channel would only find the place taken, as this one does.',
  prefix: initialized,
  inputs: state => [...identities(state), ...liveInputs(state)],
}

/** All of them. */
export function liveConfigurations(): readonly Configuration[] {
  return [mcpServers, toolSurfaces, realtime, liveTopology, productTurn, live]
}
