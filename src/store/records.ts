/**
 * What lies on disk.
 *
 * A session's truth is one log of commit records. A record is written once, carries its version, and holds the kernel
 * inputs that were accepted (`steps`), what observers may read (`events`) and the payloads that both refer to. All else
 * that a store keeps is an index over the log and could be rebuilt from it.
 */
import type { InputId, OperationId, RunId, ScheduleId, SessionId } from '../kernel/ids.ts'
import type { MeerkatInput } from '../kernel/inputs.ts'
import type { LetterId } from './mail.ts'

/**
 * The record version this release writes; older ones are upcast when read, newer ones refused. It rises when records
 * mean something that older releases would misread. A kernel input of a new type needs no rise: a record with a step
 * that a release does not know is by that alone one of a newer release (`src/driver/load.ts`).
 */
export const RECORD_VERSION = 3

/** Position of a record in its store: rises with every commit of any session, never reused. */
export type Position = number

/** One commit of one session. Fields that would be empty are absent. */
export interface CommitRecord {
  readonly v: typeof RECORD_VERSION
  /** Time of the commit, ms since the epoch. */
  readonly at: number
  /** Run and input of the record's events, unless an event names others. */
  readonly runId?: RunId
  readonly inputId?: InputId
  /** Letters whose requests were performed here. An owner that reads such a letter again only answers it. */
  readonly letters?: readonly LetterId[]
  /** Kernel inputs in the order in which they were applied. */
  readonly steps?: readonly MeerkatInput[]
  readonly events?: readonly EventRecord[]
  /** Inputs accepted here. */
  readonly inputs?: readonly InputRecord[]
  /** Inputs that reached their terminal state here. */
  readonly ended?: readonly EndedRecord[]
  /** Schedules made here. */
  readonly schedules?: readonly ScheduleRecord[]
  /** Background operations begun here. */
  readonly operations?: readonly OperationRecord[]
  /** Background operations that ended here. */
  readonly operationsEnded?: readonly OperationEndedRecord[]
  /** Messages that joined the transcript here; the first one's index is `messagesFrom`. */
  readonly messages?: readonly MessageRecord[]
  readonly messagesFrom?: number
  /** How the session is served from here on, where that was changed. */
  readonly settings?: { readonly revision: number; readonly options: SessionOptions }
}

/** An event as stored: `at`, `runId` and `inputId` are inherited from the record unless given. */
export interface EventRecord {
  readonly type: string
  readonly runId?: RunId
  readonly inputId?: InputId
  /** Model call within the run, from 1. */
  readonly turn?: number
  /** Index into the record's `messages` whose text is the event's `text`, so that it is stored once. */
  readonly message?: number
  readonly data?: Readonly<Record<string, unknown>>
  /** The number of the event of this record whose text this event's text is, or is a part of. */
  readonly of?: number
  /** Which part of that text it is, where it is not all of it: from the first character up to the second. */
  readonly span?: readonly [number, number]
  /** Its number in the record, from 0; present if retention has removed an event before it. */
  readonly place?: number
  /** On what an executor streamed: its number within the run, from 1. Pieces of one delta have the same. */
  readonly n?: number
  /** On a piece of a delta that is not its first: how many characters of it came before. */
  readonly from?: number
}

/** Text, or an AI SDK style list of parts. */
export type Content = string | readonly ContentPart[]

export type ContentPart =
  | { readonly type: 'text'; readonly text: string; readonly meta?: unknown }
  | FilePart
  | BlobPart
  | { readonly type: 'json'; readonly value: unknown }

/** A file with its data: base64, or an address. */
export interface FilePart {
  readonly type: 'file'
  readonly mediaType: string
  readonly data: string
  readonly filename?: string
}

/** A file that lies beside the log, by its digest. */
export interface BlobPart {
  readonly type: 'file'
  readonly mediaType: string
  /** `sha256:` and 64 hexadecimal digits. */
  readonly blob: string
  readonly bytes: number
  readonly filename?: string
}

/** How an input was sent; the kernel holds what it must decide by, this is the rest. */
export interface InputRecord {
  readonly id: InputId
  readonly at: number
  readonly mode: 'queue' | 'steer' | 'supersede'
  readonly kind: string
  readonly content: Content
  readonly idempotencyKey?: string
  readonly supersessionKey?: string
  /** JSON Schema of the structured answer. */
  readonly outputSchema?: unknown
  readonly model?: string
  readonly maxRunMs?: number
  /** The schedule that gave it. */
  readonly scheduleId?: ScheduleId
  /** The span that it was sent in: a W3C `traceparent`. */
  readonly traceparent?: string
}

/** When a schedule is due. Times are ms since the epoch. */
export type ScheduleRule =
  /** `inMs`: how far off it was when it was made, where that is what its maker said. */
  (
    | { readonly type: 'once'; readonly at: number; readonly inMs?: number }
    /** `from` + n × `everyMs`. */
    | { readonly type: 'every'; readonly everyMs: number; readonly from: number }
    | { readonly type: 'cron'; readonly pattern: string; readonly timeZone: string }
  ) & {
    /** Nothing is due after this. */
    readonly until?: number
  }

/** A schedule as it was made; the kernel holds what it decides by, this is the rest. */
export interface ScheduleRecord {
  readonly id: ScheduleId
  readonly at: number
  readonly title?: string
  readonly rule: ScheduleRule
  /** What is sent to the session each time. */
  readonly content: Content
  /** Identifies what its maker said, where that came with a key: asked again, it has to be the same. */
  readonly digest?: string
}

/** A background operation as it was begun. */
export interface OperationRecord {
  readonly id: OperationId
  readonly at: number
  readonly kind: string
  readonly title: string
  /** The tool call that began it. */
  readonly callId?: string
  readonly tool?: string
  /** What the executor needs in order to take it up again after a restart. */
  readonly handle?: unknown
  /** How long it may take, where that was said. */
  readonly maxMs?: number
}

/** How a background operation ended. */
export interface OperationEndedRecord {
  readonly id: OperationId
  readonly outcome: 'completed' | 'failed' | 'aborted' | 'cancelled' | 'retired' | 'terminated'
  readonly output?: unknown
  readonly error?: string
  /** Why it was given up or ended by its session, as a code. */
  readonly reason?: string
  readonly durationMs?: number
}

/** How an input ended. Written exactly once an input. */
export interface EndedRecord {
  readonly id: InputId
  readonly status: 'consumed' | 'superseded' | 'coalesced' | 'abandoned' | 'withdrawn'
  readonly reason?: string
  /** The input that replaced it. */
  readonly by?: InputId
  readonly attempts: number
  readonly result?: ResultRecord
}

export interface ResultRecord {
  readonly outcome: 'completed' | 'failed' | 'cancelled'
  readonly runId: RunId
  /** Index into the record's `messages` of the answer's text; absent where `text` is given or there is none. */
  readonly message?: number
  readonly text?: string
  readonly output?: unknown
  readonly usage?: UsageRecord
  readonly error?: { readonly code: string; readonly message: string; readonly cause: string }
}

/** Token counts of a run; a count no provider reported is absent, never zero. */
export interface UsageRecord {
  readonly inputTokens?: number
  readonly outputTokens?: number
  readonly totalTokens?: number
  readonly cachedInputTokens?: number
  readonly reasoningTokens?: number
  /** Model calls made. */
  readonly calls?: number
  /** More was spent than is counted here: a call or an attempt ended without a report of its cost. */
  readonly unmeasured?: true
}

/** A part of an assistant or tool message. */
export type MessagePart =
  | ContentPart
  | { readonly type: 'reasoning'; readonly text: string; readonly meta?: unknown }
  | {
      readonly type: 'tool-call'
      readonly callId: string
      readonly name: string
      readonly args: unknown
      readonly meta?: unknown
    }
  | {
      readonly type: 'tool-result'
      readonly callId: string
      readonly name: string
      readonly output: unknown
      readonly isError?: boolean
    }

/** Parts and content with the data of every file in hand, as executors see them. */
export type WholePart = Exclude<MessagePart, BlobPart>
export type WholeContentPart = Exclude<ContentPart, BlobPart>
export type WholeContent = string | readonly WholeContentPart[]

/** One message of the transcript. A user message names its inputs and takes their content from where they were accepted. */
export interface MessageRecord {
  readonly role: 'system' | 'user' | 'assistant' | 'tool' | 'notice'
  readonly content?: string | readonly MessagePart[]
  readonly runId?: RunId
  readonly inputIds?: readonly InputId[]
  /** Set on the summary a compaction wrote: messages before this index are covered by it. */
  readonly compactsBefore?: number
  /** What the model call that said it cost. On messages that a later attempt may have to go on from. */
  readonly usage?: UsageRecord
}

/** The options of a session, as it was opened or as they were changed since. */
export interface SessionOptions {
  readonly title?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly model?: string
  readonly system?: string
  readonly keepAlive?: boolean
  readonly silentIntents?: readonly string[]
  readonly budget?: {
    readonly maxTokens?: number
    readonly maxToolCalls?: number
    readonly maxRunMs?: number
    readonly maxTurns?: number
  }
  readonly merge?: boolean
  readonly tools?: readonly string[]
  readonly mcpServers?: readonly unknown[]
}

/** A session. Everything except `options` and `revision` is as it was created. */
export interface SessionRecord {
  readonly id: SessionId
  readonly createdAt: number
  readonly options: SessionOptions
  /** Rises with every change of the options; absent: 1, as it was opened. */
  readonly revision?: number
  /** Set on a fork: whose transcript it continues, and up to which message index (exclusive). */
  readonly forkOf?: { readonly sessionId: SessionId; readonly messages: number }
}
