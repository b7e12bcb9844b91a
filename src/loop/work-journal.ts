/**
 * The work in progress: the messages of a run's inputs and of what the model and its tools answered so far.
 *
 * They are the journal: on disk from the first tool call or boundary on, so that a later attempt continues instead of
 * repeating. They join the transcript together when the work ends.
 */

import type { Transaction } from '../driver/transaction.ts'
import type { ContextMessage } from '../executor/executor.ts'
import type { InputId } from '../kernel/ids.ts'
import { refersToFiles, whole } from '../store/blobs.ts'
import type { InputRecord, MessagePart, MessageRecord, WholePart } from '../store/records.ts'

/** The part of a transaction that writing a journal needs. */
type Recording = Pick<Transaction, 'onRewind'> & { readonly parts: Pick<Transaction['parts'], 'put'> }

/** Answers the input or message with the data of its files, which are stored beside the log. */
export type Files = <T extends { readonly content?: string | readonly MessagePart[] }>(owner: T) => Promise<T>

export class WorkJournal {
  /** The work's first input, under whose id the journal is stored. */
  readonly head: InputId
  readonly #messages: MessageRecord[]
  readonly #inputs: ReadonlyMap<InputId, InputRecord>
  /** How many of the messages the journal on disk has. */
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

  /** The model that the newest of its inputs asks for, steers that have joined included; undefined where none does. */
  get namedModel(): string | undefined {
    return this.#newest(({ model }) => model)
  }

  /** The schema of the answer, likewise. */
  get outputSchema(): unknown {
    return this.#newest(({ outputSchema }) => outputSchema)
  }

  #newest<T>(asked: (input: InputRecord) => T | undefined): T | undefined {
    const inputIds = this.#messages.flatMap(message => message.inputIds ?? [])
    return inputIds.reduce<T | undefined>((older, id) => {
      const input = this.#inputs.get(id)
      return (input && asked(input)) ?? older
    }, undefined)
  }

  get isJournaled(): boolean {
    return this.#journaled > 0
  }

  /** Adds the messages of these inputs, except those that are part of the work already. */
  addInputs(inputIds: readonly InputId[]): void {
    const known = new Set(this.#messages.flatMap(message => message.inputIds ?? []))
    for (const id of inputIds) if (!known.has(id)) this.#messages.push({ role: 'user', inputIds: [id] })
  }

  /**
   * Writes the messages that `add` adds, and all others that are not on disk yet, with the transaction; if that is rewound,
   * they are removed again. Answers how many messages were added.
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

  /** Loads the data of the messages' files. */
  async load(files: Files): Promise<void> {
    for (const [index, message] of this.#messages.entries()) {
      if (refersToFiles(message)) this.#messages[index] = await files(message)
    }
  }

  /** The messages as a model gets them. */
  context(): readonly ContextMessage[] {
    return this.#messages.map(message => ({ role: message.role, content: this.#contentOf(message) }))
  }

  /** The calls that have no result yet, in order. */
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

/** The calls that these messages ask for without a result among them, in order. */
export function unansweredIn(
  messages: readonly MessageRecord[],
): readonly { readonly callId: string; readonly name: string }[] {
  const parts = messages.flatMap(message => (typeof message.content === 'string' ? [] : (message.content ?? [])))
  const answered = new Set(parts.flatMap(part => (part.type === 'tool-result' ? [part.callId] : [])))
  return parts.flatMap(part =>
    part.type === 'tool-call' && !answered.has(part.callId) ? [{ callId: part.callId, name: part.name }] : [],
  )
}
