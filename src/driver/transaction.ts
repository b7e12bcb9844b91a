/**
 * One commit in the making: kernel inputs are applied to a staged state, and all that has to be written is collected.
 *
 * A transaction serves all mutations of a round. The driver sets a mark before each and rewinds to it if the mutation
 * throws, so that a refused mutation leaves nothing behind and the others stand. Nothing here is visible outside before
 * the store has answered.
 */
import { defined } from '../defined.ts'
import type { NewEvent } from '../events.ts'
import type { MeerkatEffect } from '../kernel/effects.ts'
import type { InputId, RunId } from '../kernel/ids.ts'
import type { MeerkatInput } from '../kernel/inputs.ts'
import { meerkat, step } from '../kernel/machine.ts'
import { durablePhase } from '../kernel/regions/lifecycle/state.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { StepResult } from '../kernel/step.ts'
import { withReferences } from '../store/blobs.ts'
import type { LetterId } from '../store/mail.ts'
import {
  type CommitRecord,
  type EndedRecord,
  type EventRecord,
  type InputRecord,
  type MessageRecord,
  type OperationEndedRecord,
  type OperationRecord,
  RECORD_VERSION,
  type ResultRecord,
  type ScheduleRecord,
  type SessionRecord,
} from '../store/records.ts'
import type { Blob, Commit, JournalEntry, LocatedId } from '../store/store.ts'
import { headOf } from './head.ts'
import { inherits } from './inherits.ts'
import { KernelRejection } from './kernel-rejection.ts'
import { project } from './project.ts'
import { withTextReferences } from './text-references.ts'

/** Lists that grow while a transaction is made. A mark remembers their lengths. */
interface Parts {
  readonly letters: LetterId[]
  readonly steps: MeerkatInput[]
  readonly events: NewEvent[]
  readonly inputs: InputRecord[]
  readonly ended: EndedRecord[]
  readonly schedules: ScheduleRecord[]
  readonly operations: OperationRecord[]
  readonly operationsEnded: OperationEndedRecord[]
  readonly messages: MessageRecord[]
  readonly opened: LocatedId[]
  readonly closed: LocatedId[]
  readonly keys: { key: string; inputId: InputId; digest: string }[]
  readonly put: JournalEntry[]
  readonly drop: InputId[]
  /** Content that the record refers to by its digest. */
  readonly blobs: Blob[]
  /** New versions of the session's options; the last one is written. */
  readonly changed: SessionRecord[]
}

/** A place to go back to. */
export interface Mark {
  readonly state: MeerkatState
  /** The length of each list of `parts`, in their order. */
  readonly lengths: readonly number[]
  readonly messagesFrom: number | undefined
  readonly urgent: boolean
  readonly undos: number
}

const emptyParts = (): Parts => ({
  letters: [],
  steps: [],
  events: [],
  inputs: [],
  ended: [],
  schedules: [],
  operations: [],
  operationsEnded: [],
  messages: [],
  opened: [],
  closed: [],
  keys: [],
  put: [],
  drop: [],
  blobs: [],
  changed: [],
})

export class Transaction {
  readonly parts: Parts = emptyParts()
  readonly #lists: readonly { length: number }[] = Object.values(this.parts)
  readonly #undos: (() => void)[] = []
  #at: number
  #state: MeerkatState
  #messagesFrom: number | undefined
  #urgent = false
  /** The result that inputs ended by the next step carry. */
  #result: ResultRecord | undefined

  constructor(state: MeerkatState, at: number) {
    this.#state = state
    this.#at = at
  }

  /** The time of this round, the same for all its mutations; it becomes the record's time. */
  get at(): number {
    return this.#at
  }

  /** Continues in a later round with its time: lazy mutations of an earlier round must not date later ones. */
  continueAt(at: number): void {
    this.#at = at
  }

  /** The staged state. */
  get state(): MeerkatState {
    return this.#state
  }

  /** Whether a caller waits for the disk. Otherwise the transaction may stay open until the session's next commit. */
  get urgent(): boolean {
    return this.#urgent
  }

  get isEmpty(): boolean {
    return this.parts.steps.length === 0 && this.parts.events.length === 0 && this.parts.put.length === 0
  }

  /** Applies a kernel input; a refusal throws and changes nothing. */
  step(input: MeerkatInput): readonly MeerkatEffect[] {
    const result = this.try(input)
    if (!result.ok) throw new KernelRejection(result, this.#state)
    return result.effects
  }

  /** Applies a kernel input if the kernel takes it. */
  try(input: MeerkatInput): StepResult<MeerkatState, MeerkatEffect> {
    const before = this.#state
    const result = step(before, input)
    if (!result.ok) return result
    // Inputs of conditions are not logged: a condition ends with this process.
    if (result.state !== before && !meerkat.isOfConditions(input)) this.parts.steps.push(input)
    this.#state = result.state
    project(result.effects, this.parts, this.#result)
    if (before.lifecycle.phase !== result.state.lifecycle.phase) this.#phaseChanged(before, result.state)
    return result
  }

  /** Applies a kernel input; session inputs that it ends get this result. */
  stepWith(result: ResultRecord, input: MeerkatInput): readonly MeerkatEffect[] {
    this.#result = result
    try {
      return this.step(input)
    } finally {
      this.#result = undefined
    }
  }

  /** Names the letter whose request this mutation performs, if any: the store refuses a second commit of the same letter. */
  performs(letter: LetterId | undefined): void {
    if (letter === undefined) return
    this.parts.letters.push(letter)
    this.parts.opened.push(letter)
  }

  event(event: NewEvent): void {
    this.parts.events.push(event)
  }

  /** Inserts events after the first `behind` of those that were added since the mark. */
  insert(since: Mark, behind: number, events: readonly NewEvent[]): void {
    const first = since.lengths[this.#lists.indexOf(this.parts.events)] ?? 0
    this.parts.events.splice(first + behind, 0, ...events)
  }

  /** Events that were added since the mark. */
  eventsSince(mark: Mark): readonly NewEvent[] {
    return this.parts.events.slice(mark.lengths[this.#lists.indexOf(this.parts.events)])
  }

  /** Adds messages at the end of the transcript; the kernel input that counts them follows. Returns the first one's place in the record. */
  append(messages: readonly MessageRecord[]): number {
    this.#messagesFrom ??= this.#state.transcript.length
    const first = this.parts.messages.length
    this.parts.messages.push(...messages)
    return first
  }

  /** Asks for this to be durable before it is answered. */
  needsCommit(): void {
    this.#urgent = true
  }

  /** Registers how to undo what a mutation does outside of the transaction; called if the transaction is rewound. */
  onRewind(undo: () => void): void {
    this.#undos.push(undo)
  }

  mark(): Mark {
    return {
      undos: this.#undos.length,
      state: this.#state,
      messagesFrom: this.#messagesFrom,
      urgent: this.#urgent,
      lengths: this.#lists.map(({ length }) => length),
    }
  }

  /** Whether nothing was added since the mark. */
  isAt(mark: Mark): boolean {
    if (this.#state !== mark.state) return false
    return this.#lists.every(({ length }, index) => length === mark.lengths[index])
  }

  rewind(mark: Mark): void {
    this.#state = mark.state
    this.#messagesFrom = mark.messagesFrom
    this.#urgent = mark.urgent
    for (const undo of this.#undos.splice(mark.undos).toReversed()) undo()
    for (const [index, list] of this.#lists.entries()) list.length = mark.lengths[index] ?? 0
  }

  /** The commit for the store. */
  build(commits: number): Omit<Commit, 'claim'> {
    const { parts } = this
    const files = new Map(parts.blobs.map(blob => [blob.digest, blob]))
    const put = parts.put.map(entry => ({ ...entry, message: withReferences(entry.message, files) }))
    const record = this.#record(files)
    const journal = { ...(put.length > 0 && { put }), ...(parts.drop.length > 0 && { drop: parts.drop }) }
    return {
      record,
      head: headOf(this.#state, commits),
      ...(parts.opened.length > 0 && { opened: parts.opened }),
      ...(parts.closed.length > 0 && { closed: parts.closed }),
      ...(parts.keys.length > 0 && { keys: parts.keys }),
      ...((put.length > 0 || parts.drop.length > 0) && { journal }),
      ...(files.size > 0 && { blobs: [...files.values()] }),
      ...defined({ session: parts.changed.at(-1) }),
    }
  }

  #record(files: Map<string, Blob>): CommitRecord {
    const { letters, steps, ended, operations, operationsEnded } = this.parts
    const events = withTextReferences(this.parts.events, this.parts.messages)
    const [inputs, messages, schedules] = [
      this.parts.inputs.map(one => withReferences(one, files)),
      this.parts.messages.map(one => withReferences(one, files)),
      this.parts.schedules.map(one => withReferences(one, files)),
    ]
    const runId = events.find(event => event.runId !== undefined)?.runId
    const inputId = events.find(event => event.inputId !== undefined)?.inputId
    return {
      v: RECORD_VERSION,
      at: this.at,
      ...(runId && { runId }),
      ...(inputId && { inputId }),
      ...(letters.length > 0 && { letters }),
      ...(steps.length > 0 && { steps }),
      ...(events.length > 0 && { events: events.map(event => withoutInherited(event, runId, inputId)) }),
      ...(inputs.length > 0 && { inputs }),
      ...(ended.length > 0 && { ended }),
      ...(schedules.length > 0 && { schedules }),
      ...(operations.length > 0 && { operations }),
      ...(operationsEnded.length > 0 && { operationsEnded }),
      ...(messages.length > 0 && { messages, messagesFrom: this.#messagesFrom ?? 0 }),
      ...defined({ settings: settingsOf(this.parts.changed.at(-1)) }),
    }
  }

  /** Emits an event for a change of the durable phase only: `attached` and `running` are conditions of the process. */
  #phaseChanged(before: MeerkatState, after: MeerkatState): void {
    const from = durablePhase(before.lifecycle)
    const to = durablePhase(after.lifecycle)
    if (from !== to && from !== 'initializing') this.event({ type: 'session.phase-changed', data: { from, to } })
  }
}

function settingsOf(changed: SessionRecord | undefined): CommitRecord['settings'] {
  return changed && { revision: changed.revision ?? 1, options: changed.options }
}

function withoutInherited(event: EventRecord, runId: RunId | undefined, inputId: InputId | undefined): EventRecord {
  const rule = inherits(event.type)
  const dropRun = rule.run && event.runId !== undefined && event.runId === runId
  const dropInput = rule.input && event.inputId !== undefined && event.inputId === inputId
  if (!dropRun && !dropInput) return event
  const short: { -readonly [K in keyof EventRecord]: EventRecord[K] } = { type: event.type }
  if (!dropRun && event.runId !== undefined) short.runId = event.runId
  if (!dropInput && event.inputId !== undefined) short.inputId = event.inputId
  if (event.turn !== undefined) short.turn = event.turn
  if (event.message !== undefined) short.message = event.message
  if (event.data !== undefined) short.data = event.data
  return withPlace(short, event)
}

function withPlace(short: EventRecord, { of, span, n, from }: EventRecord): EventRecord {
  return (n ?? of ?? span) === undefined ? short : { ...short, ...defined({ of, span, n, from }) }
}
