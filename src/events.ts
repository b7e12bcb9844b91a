/**
 * The events that observers read: every type with its fields. This table makes the union that programs branch on, the
 * check of every event that is written, and docs/events.md.
 *
 * A reader may meet a type that is not in it, written by a newer release, and skips it.
 */
import type { CallId, InputId, OperationId, RunId, ScheduleId, SessionId } from './kernel/ids.ts'
import type { EventRecord, UsageRecord } from './store/records.ts'

/** The types of fields. */
interface Kinds {
  readonly text: string
  readonly int: number
  readonly flag: true
  readonly time: string
  readonly json: unknown
  readonly names: readonly string[]
  readonly callId: CallId
  readonly inputId: InputId
  readonly inputIds: readonly InputId[]
  readonly operationId: OperationId
  readonly scheduleId: ScheduleId
  readonly usage: UsageRecord
  readonly decision: 'allow' | 'deny'
}

type Kind = keyof Kinds

interface Declared {
  readonly says: string
  /** The parts of the envelope that it always has, besides the cursor, the session, the time and its type. */
  readonly of?: readonly ('runId' | 'inputId' | 'turn')[]
  /** Fields by name; one whose kind ends with `?` may be absent. */
  readonly fields?: Readonly<Record<string, readonly [Kind | `${Kind}?`, says: string]>>
}

const call = { callId: ['callId', 'The call.'], name: ['text', 'The tool.'] } as const
const callEnd = {
  ...call,
  output: ['json?', 'What the model is told, where it is short; the transcript has it whole.'],
  outputBytes: ['int?', 'How long it is, where it is not short.'],
  truncated: ['flag?', 'The output is not here.'],
  durationMs: ['int?', 'How long the call took.'],
} as const
const operation = { operationId: ['operationId', 'The operation.'] } as const
const operationEnd = { ...operation, reason: ['text?', 'Why it ended so.'] } as const
const surface = { surfaceId: ['text', 'The surface.'] } as const
const interaction = { correlationId: ['text', 'Which request.'] } as const
const server = { serverId: ['text', 'The server.'] } as const
const due = { scheduleId: ['scheduleId', 'The schedule.'], dueAt: ['time', 'The time that was due.'] } as const
const piece = { text: ['text', 'What was added.'] } as const
const whole = { text: ['text', 'The whole text: what the deltas gave.'] } as const

export const EVENTS = {
  'session.opened': { says: 'The session exists.' },
  'session.updated': {
    says: 'How the session is served was changed; in force from its next turn on.',
    fields: { revision: ['int', 'Its revision now.'], changed: ['names', 'The fields that changed.'] },
  },
  'session.phase-changed': {
    says: 'The session was stopped, resumed, retired, reset or destroyed.',
    fields: { from: ['text', 'The phase before.'], to: ['text', 'The phase now.'] },
  },
  'session.recovered': { says: 'A process took the session up whose former owner was gone.' },
  'session.moved': { says: 'The session came here from another store.' },
  'record.unreadable': {
    says: 'What stands here in the log can not be read; `at` is unknown. What comes behind it is not affected.',
    fields: { reason: ['text', 'What is wrong with it.'] },
  },
  'input.accepted': { says: 'An input is on disk: it will end exactly once.', of: ['inputId'] },
  'input.queued': {
    says: 'The input waits for a run: it is new, or an attempt did not bring it to its end.',
    of: ['inputId'],
    fields: {
      lane: ['text?', '`steer` where it may join the run in progress.'],
      attempts: ['int?', 'Attempts made, where there were some.'],
    },
  },
  'input.staged': {
    says: 'A run takes the input up.',
    of: ['inputId', 'runId'],
    fields: { attempt: ['int?', 'Which attempt this is; absent: the first.'] },
  },
  'input.steered': {
    says: 'The input joined a run at a boundary.',
    of: ['inputId', 'runId'],
    fields: { boundary: ['int', 'The number of the boundary within the run.'] },
  },
  'input.consumed': { says: 'A run answered the input, well or badly: the run says how.', of: ['inputId'] },
  'input.superseded': {
    says: 'A newer input of the same key replaced it.',
    of: ['inputId'],
    fields: { by: ['inputId?', 'The input that replaced it.'] },
  },
  'input.coalesced': {
    says: 'Another input speaks for it, too.',
    of: ['inputId'],
    fields: { by: ['inputId?', 'That input.'] },
  },
  'input.abandoned': {
    says: 'Nothing will answer the input.',
    of: ['inputId'],
    fields: { reason: ['text', 'Why: `max-attempts`, `cancelled`, `destroyed`, …'] },
  },
  'input.withdrawn': {
    says: 'The sender took the input back before a run took it up, or a cancel ended the work that it waited in.',
    of: ['inputId'],
  },
  'run.started': {
    says: 'A run is on disk and will be performed.',
    of: ['runId'],
    fields: { inputIds: ['inputIds', 'What it answers, head first.'] },
  },
  'run.boundary': {
    says: 'Every call so far has its outcome or waits for a person, and what was said is committed.',
    of: ['runId'],
    fields: {
      boundary: ['int', 'Its number within the run, from 1.'],
      inputIds: ['inputIds', 'What the run answers.'],
      steered: ['inputIds?', 'Inputs that joined here.'],
    },
  },
  'run.completed': { says: 'The run answered its inputs.', of: ['runId'] },
  'run.failed': {
    says: 'The run failed for good, and its inputs ended with it.',
    of: ['runId'],
    fields: { cause: ['text', 'What it failed of.'] },
  },
  'run.cancelled': { says: 'The run was cancelled.', of: ['runId'] },
  'run.parked': {
    says: 'The run ended because a call waits for a person; the work goes on after that.',
    of: ['runId'],
  },
  'run.interrupted': {
    says: 'The run ended early; its inputs are tried again by another run.',
    of: ['runId'],
    fields: { cause: ['text?', 'What ended it.'] },
  },
  'turn.started': { says: 'A model call begins.', of: ['runId', 'turn'] },
  'turn.ended': {
    says: 'A model call ended.',
    of: ['runId', 'turn'],
    fields: { finish: ['text', 'Why the model stopped.'], usage: ['usage?', 'Its tokens, where the provider told.'] },
  },
  'text.delta': {
    says: 'A piece of the answer. Of passing interest: pieces may be joined later.',
    of: ['runId', 'turn'],
    fields: piece,
  },
  'text.completed': { says: 'The text of a model call is whole.', of: ['runId', 'turn'], fields: whole },
  'reasoning.delta': {
    says: 'A piece of what the model thinks. Pieces may be joined later.',
    of: ['runId', 'turn'],
    fields: piece,
  },
  'reasoning.completed': { says: 'The reasoning of a model call is whole.', of: ['runId', 'turn'], fields: whole },
  'tool.requested': {
    says: 'The model asked for a call; its intent is on disk.',
    of: ['runId', 'turn'],
    fields: { ...call, args: ['json', 'Its arguments.'] },
  },
  'tool.approval-needed': {
    says: 'The call waits for a decision.',
    fields: {
      ...call,
      expiresAt: ['time?', 'When `onExpiry` counts as decided.'],
      onExpiry: ['decision?', 'What is decided then, if no person has decided.'],
    },
  },
  'tool.approval-decided': {
    says: 'Somebody decided about the call.',
    fields: { ...call, decision: ['decision', 'What they said.'], reason: ['text?', 'Why.'] },
  },
  'tool.owed': { says: 'The call will be dispatched: it was allowed, or lost and may be repeated.', fields: call },
  'tool.started': { says: 'The call is dispatched.', fields: call },
  'tool.progress': {
    says: 'What the tool tells of its progress. Of passing interest: only the last is kept.',
    of: ['runId', 'turn'],
    fields: { callId: ['callId', 'The call.'], data: ['json', 'What the tool gave.'] },
  },
  'tool.completed': { says: 'The call has its outcome.', fields: callEnd },
  'tool.failed': {
    says: 'The call failed; the model is told why.',
    fields: { ...callEnd, code: ['text?', 'How it failed: see tools.md.'] },
  },
  'tool.unknown': { says: 'Nobody knows whether the call took effect: its policy or a person decides.', fields: call },
  'tools.generation-changed': {
    says: 'The model may see other tools than before, from its next request on.',
    fields: { generation: ['int', 'The generation now, as `tool/list` answers it.'] },
  },
  'tools.surface-changed': {
    says: 'A change of an external tool surface took place, or came to nothing.',
    fields: {
      ...surface,
      operation: ['text', '`Add`, `Remove` or `Reload`.'],
      phase: ['text', '`Pending`, `Applied`, `Draining`, `Failed` or `Forced`.'],
      cause: ['text?', 'Why it failed.'],
    },
  },
  'tools.connection-wanted': {
    says: 'A surface waits for its connection: the code that holds the connections has to make it, and to report its tools.',
    fields: {
      ...surface,
      operation: ['text', '`Add` or `Reload`.'],
      pendingTaskSequence: ['int', 'What names the connection in the making.'],
      stagedIntentSequence: ['int', 'The staged change that it comes from.'],
    },
  },
  'tools.connection-unused': {
    says: 'No call goes through this connection of a surface any more: the code that holds it has to close it.',
    fields: { ...surface, generation: ['int', 'Which connection.'] },
  },
  'operation.started': {
    says: 'A call began work that outlasts its run.',
    of: ['runId'],
    fields: {
      ...operation,
      title: ['text', 'For people.'],
      callId: ['callId?', 'The call.'],
      tool: ['text?', 'Its tool.'],
    },
  },
  'operation.progress': { says: 'How far the work is.', fields: { ...operation, data: ['json', 'What it told.'] } },
  'operation.completed': { says: 'The work ended well.', fields: operationEnd },
  'operation.failed': { says: 'The work failed.', fields: operationEnd },
  'operation.aborted': { says: 'The work was called off before it began.', fields: operationEnd },
  'operation.cancelled': { says: 'The work was cancelled.', fields: operationEnd },
  'operation.retired': { says: 'The work ended with its owner.', fields: operationEnd },
  'operation.terminated': { says: 'The work ended with the process or the session.', fields: operationEnd },
  'schedule.created': {
    says: 'A schedule stands.',
    fields: { ...due, title: ['text?', 'For people.'] },
  },
  'schedule.fired': { says: 'A due time gave an input.', of: ['inputId'], fields: due },
  'schedule.skipped': { says: 'A due time gave none.', fields: { ...due, reason: ['text', 'Why.'] } },
  'schedule.ended': {
    says: 'The schedule is over.',
    fields: { scheduleId: ['scheduleId', 'The schedule.'], reason: ['text', 'Why.'] },
  },
  'model.changed': {
    says: 'The session has another model of its own.',
    fields: {
      model: ['text?', "Its id; absent: the executor's default serves it."],
      previous: ['text?', 'The one before; absent: the default.'],
    },
  },
  'model.fallback': {
    says: 'Another model answered where the one that was asked had failed for good.',
    of: ['runId', 'turn'],
    fields: {
      model: ['text', 'The one that answered.'],
      from: ['text?', 'The one that failed; absent: the default.'],
      code: ['text', 'How it failed.'],
      stays: ['flag?', 'It answers from now on: the one that failed was to answer all of the session.'],
    },
  },
  'model.routing-changed': {
    says: 'Another model is asked from here on, or for another reason: `model/get` says which and why.',
    fields: { epoch: ['int', 'Rises with every such change.'] },
  },
  'model.switched': {
    says: 'A switch for some turns has begun.',
    fields: { requestId: ['text', 'The switch.'], model: ['text', 'Which model it asks.'] },
  },
  'model.switch-ended': {
    says: 'A switch is over, or was denied.',
    fields: {
      requestId: ['text', 'The switch.'],
      outcome: ['text', 'consumedAndRestored, persistentReconfigureApplied, interrupted or denied.'],
      reason: ['text?', 'Why it was denied.'],
    },
  },
  'model.approval-denied': {
    says: 'Somebody was asked to approve a switch or an image, and denied it.',
    fields: { requestId: ['text', 'The switch or the image operation.'], reason: ['text', 'What they said.'] },
  },
  'model.image-changed': {
    says: 'An image operation goes on.',
    fields: { operationId: ['text', 'Which one.'], phase: ['text', 'How far it is.'] },
  },
  'model.image-ended': {
    says: 'An image operation is over; the model before it is asked again.',
    fields: {
      operationId: ['text', 'Which one.'],
      outcome: ['text', 'What came of it.'],
      reason: ['text?', 'Why it was denied.'],
    },
  },
  'peer.request-changed': {
    says: 'A request that the session has sent to a peer has come further, or has ended.',
    fields: { ...interaction, state: ['text', 'Sent, AcceptedProgress, Completed, Failed or TimedOut.'] },
  },
  'peer.answer-changed': {
    says: 'The session owes a peer an answer, or has given it.',
    fields: { ...interaction, state: ['text', 'Received or Replied.'] },
  },
  'peer.stream-changed': {
    says: 'A subscription to what comes of a message to a peer has come further, or has ended.',
    fields: { ...interaction, state: ['text', 'Reserved, Attached, Completed, Expired, ClosedEarly or Abandoned.'] },
  },
  'mcp.server-changed': {
    says: 'Whoever holds the connection to a tool server has reported how it stands.',
    fields: {
      ...server,
      state: ['text', 'PendingConnect, Connected, Failed or Disconnected.'],
      error: ['text?', 'Why it failed.'],
    },
  },
  'mcp.reload-wanted': {
    says: 'A tool server has to be connected again by the code that holds the connections.',
    fields: server,
  },
  'budget.warning': {
    says: 'Most of a budget is used up.',
    of: ['runId'],
    fields: { budget: ['text', 'Which one.'], used: ['int', 'Of it.'], limit: ['int', 'All of it.'] },
  },
  notice: {
    says: 'Something that people may want to know; nothing follows of it.',
    fields: { code: ['text', 'What, for programs.'], message: ['text?', 'What, for people.'] },
  },
  'host.event': { says: 'What the host published.', fields: { name: ['text', 'Its name for it.'] } },
} as const satisfies Readonly<Record<string, Declared>>

/** The types of this release. */
export type EventType = keyof typeof EVENTS

/** An event before it is recorded. */
export type NewEvent = EventRecord & { readonly type: EventType }

type Required<Fields> = {
  readonly [Name in keyof Fields as Fields[Name] extends readonly [Kind, string]
    ? Name
    : never]: Fields[Name] extends readonly [infer K extends Kind, string] ? Kinds[K] : never
}
type Optional<Fields> = {
  readonly [Name in keyof Fields as Fields[Name] extends readonly [Kind, string]
    ? never
    : Name]?: Fields[Name] extends readonly [`${infer K extends Kind}?`, string] ? Kinds[K] : never
}
type FieldsOf<Row> = Row extends { readonly fields: infer Fields } ? Required<Fields> & Optional<Fields> : unknown

interface Names {
  readonly runId: RunId
  readonly inputId: InputId
  /** The number of the model call within the run, from 1. */
  readonly turn: number
}
type NamesOf<Row> = Row extends { readonly of: readonly (infer Name extends keyof Names)[] }
  ? Pick<Names, Name>
  : unknown

interface Envelope extends Partial<Names> {
  /** The place of the event; `events/read` with `after` continues behind it. */
  readonly cursor: string
  readonly sessionId: SessionId
  readonly at: string
  /** Fields that this release does not know. */
  readonly [field: string]: unknown
}

/** An event of one type. */
export type EventOf<Type extends EventType> = Envelope & { readonly type: Type } & NamesOf<(typeof EVENTS)[Type]> &
  FieldsOf<(typeof EVENTS)[Type]>

/** An event as observers read it: branch on `type`, and its fields are known. docs/events.md lists them. */
export type EventView = { readonly [Type in EventType]: EventOf<Type> }[EventType]
