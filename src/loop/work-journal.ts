/**
 * The work in hand: what a run's inputs said and what came of it so far.
 *
 * Its messages are the journal: on disk from the first tool call or boundary on, so that a later attempt continues
 * instead of repeating; they join the transcript together when the work ends.
 */

import type { Transaction } from '../driver/transaction.ts'
import type { ContextMessage } from '../executor/executor.ts'
import type { InputId } from '../kernel/ids.ts'
import { refersToFiles, whole } from '../store/blobs.ts'
import type { InputRecord, MessagePart, MessageRecord, WholePart } from '../store/records.ts'

/** A transaction, as far as a journal is written with it. */
type Recording = Pick<Transaction, 'onRewind'> & { readonly parts: Pick<Transaction['parts'], 'put'> }

/** The same with the data of files that are kept beside the log. */
export type Files = <T extends { readonly content?: string | readonly MessagePart[] }>(owner: T) => Promise<T>

export class Work {
  /** The input it is filed under. */
  readonly head: InputId
  readonly #messages: MessageRecord[]
  readonly #inputs: ReadonlyMap<InputId, InputRecord>
  /** How many of the messages are on disk. */
  #journaled: number

  constructor(head: InputId, journal: readonly MessageRecord[], inputs: ReadonlyMap<InputId, InputRecord>) {
    this.head = head
    this.#messages = [...journal]
    this.#journaled = journal.length
    this.#inputs = inputs
  }

  get messages(): readonly MessageRecord[] {
    return this.#messages
  }

  get isJournaled(): boolean {
    return this.#journaled > 0
  }

  /** What these inputs said joins the work. Those already in it are left alone. */
  hear(inputIds: readonly InputId[]): void {
    const known = new Set(this.#messages.flatMap(message => message.inputIds ?? []))
    for (const id of inputIds) if (!known.has(id)) this.#messages.push({ role: 'user', inputIds: [id] })
  }

  /**
   * What `add` adds, and all else that is not on disk yet, goes there with the transaction; what is added is taken back with
   * it. Answers how many messages were added.
   */
  record(tx: Recording, add: (messages: MessageRecord[]) => void = () => {}): number {
    const length = this.#messages.length
    const journaled = this.#journaled
    tx.onRewind(() => {
      this.#messages.length = length
      this.#journaled = journaled
    })
    add(this.#messages)
    const unwritten = this.#messages.slice(journaled)
    tx.parts.put.push(...unwritten.map((message, at) => ({ work: this.head, index: journaled + at, message })))
    this.#journaled = this.#messages.length
    return this.#messages.length - length
  }

  /** Has every message carry the data of its files. */
  async load(files: Files): Promise<void> {
    for (const [index, message] of this.#messages.entries()) {
      if (refersToFiles(message)) this.#messages[index] = await files(message)
    }
  }

  /** The messages as a model has to see them. */
  context(): readonly ContextMessage[] {
    return this.#messages.map(message => ({ role: message.role, content: this.#contentOf(message) }))
  }

  /** Calls without a result: name and id, in order. */
  unanswered(): readonly { readonly callId: string; readonly name: string }[] {
    return unansweredIn(this.#messages)
  }

  #contentOf(message: MessageRecord): string | readonly WholePart[] {
    if (message.content !== undefined) return whole(message.content)
    const contents = (message.inputIds ?? []).map(id => whole(this.#inputs.get(id)?.content ?? ''))
    return contents.length === 1
      ? (contents[0] ?? '')
      : contents.flatMap(one => (typeof one === 'string' ? [{ type: 'text' as const, text: one }] : one))
  }
}

/** Calls that these messages ask for and don't answer, in order. */
export function unansweredIn(
  messages: readonly MessageRecord[],
): readonly { readonly callId: string; readonly name: string }[] {
  const parts = messages.flatMap(message => (typeof message.content === 'string' ? [] : (message.content ?? [])))
  const answered = new Set(parts.flatMap(part => (part.type === 'tool-result' ? [part.callId] : [])))
  return parts.flatMap(part =>
    part.type === 'tool-call' && !answered.has(part.callId) ? [{ callId: part.callId, name: part.name }] : [],
  )
}
