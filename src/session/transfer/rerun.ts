/**
 * Replays the records of an imported session through the kernel: what they say of inputs, ends, messages and ids has
 * to be what the kernel says. So every later reader of the session finds what its steps promise.
 */

import { findBrokenInvariant } from '../../driver/broken-invariant.ts'
import { knownSteps } from '../../driver/load.ts'
import { Transaction } from '../../driver/transaction.ts'
import { messageOf } from '../../foreign.ts'
import type { MeerkatInput } from '../../kernel/inputs.ts'
import { meerkat } from '../../kernel/machine.ts'
import { unfinishedCount } from '../../kernel/regions/endings/table.ts'
import type { MeerkatState } from '../../kernel/state.ts'
import type { CommitRecord } from '../../store/records.ts'
import type { RecordLine } from './format.ts'
import { stepProblem } from './shapes.ts'

type Indexes = Pick<RecordLine, 'opened' | 'closed' | 'keys'>

/** At most this many records lie between two checks of the invariants, because a check looks at all unfinished work. */
const LOOK_WITHIN = 2_048

export class Rerun {
  #state: MeerkatState = meerkat.initial
  #records = 0
  #unlooked = 0
  readonly #opened = new Set<string>()
  readonly #keys = new Set<string>()

  get state(): MeerkatState {
    return this.#state
  }

  /**
   * What is wrong with the session's next record, as the end of a sentence; undefined: nothing. `unsupported` for a
   * newer release's record.
   */
  async take(record: CommitRecord, indexes: Indexes, sessionId: string): Promise<string | undefined> {
    const steps = knownSteps({ position: ++this.#records, record }, sessionId)
    const tx = new Transaction(this.#state, record.at)
    for (const step of steps) {
      const problem = stepProblem({ ...step }) ?? refusal(tx, step)
      if (problem !== undefined) return `holds a step ${step.type} that the kernel refuses: ${problem}`
    }
    const problem = this.#contradiction(tx, record, indexes)
    if (problem !== undefined) return problem
    this.#state = tx.state
    this.#unlooked++
    const due = this.#unlooked >= LOOK_WITHIN || this.#unlooked * 2 >= unfinishedCount(this.#state)
    return due ? this.look() : undefined
  }

  /** The invariant that does not hold, as the end of a sentence; undefined: all hold. */
  async look(): Promise<string | undefined> {
    this.#unlooked = 0
    const broken = await findBrokenInvariant(this.#state)
    return broken && `leads to a state that can not be: ${broken.text}`
  }

  #contradiction(tx: Transaction, record: CommitRecord, indexes: Indexes): string | undefined {
    const { inputs = [], ended = [], messages = [] } = record
    const accepted = tx.parts.events.flatMap(({ type, inputId }) => (type === 'input.accepted' ? (inputId ?? []) : []))
    if (
      !isSame(
        accepted,
        inputs.map(({ id }) => id),
      )
    )
      return 'has other inputs than its steps accept'
    const ends = tx.parts.ended.map(({ id, status }) => `${status} ${id}`)
    if (
      !isSame(
        ends,
        ended.map(({ id, status }) => `${status} ${id}`),
      )
    )
      return 'has other ends than its steps lead to'
    const before = this.#state.transcript.length
    if (tx.state.transcript.length !== before + messages.length) return 'has other messages than its steps count'
    if (messages.length > 0 && record.messagesFrom !== before)
      return `has messages that begin elsewhere than at ${before}`
    const spoken = [...(record.events ?? []), ...ended.flatMap(({ result }) => result ?? [])]
    if (spoken.some(({ message }) => message !== undefined && message >= messages.length))
      return 'speaks of a message that it does not have'
    if (!isSame(startsIn(tx.parts.events), startsIn(record.events ?? [], record.runId)))
      return 'tells of other runs than its steps start'
    return this.#ofIndexes(tx, record, indexes) ?? this.#ofKeys(inputs, indexes)
  }

  #ofIndexes(tx: Transaction, record: CommitRecord, { opened = [], closed = [] }: Indexes): string | undefined {
    const { letters = [], schedules = [], operations = [] } = record
    const made = [...letters, ...[...schedules, ...operations].map(({ id }) => id)]
    const wanted = new Set<string>([...tx.parts.opened, ...made])
    const given = new Set<string>(opened)
    if (given.size !== opened.length || opened.some(id => this.#opened.has(id))) return 'opens an id twice'
    if ([...given].some(id => !wanted.has(id)) || tx.parts.opened.some(id => !given.has(id)))
      return 'opens other ids than its steps do'
    for (const id of opened) this.#opened.add(id)
    const ends = new Set<string>(closed)
    if (tx.parts.closed.some(id => this.#opened.has(id) && !ends.has(id))) return 'closes other ids than its steps do'
    return closed.every(id => this.#opened.has(id)) ? undefined : 'closes an id that was not opened'
  }

  #ofKeys(inputs: NonNullable<CommitRecord['inputs']>, { keys = [] }: Indexes): string | undefined {
    const accepted = new Set<string>(inputs.map(({ id }) => id))
    for (const { key, inputId } of keys) {
      if (this.#keys.has(key)) return 'binds a key twice'
      if (!accepted.has(inputId)) return 'binds a key to an input that it does not accept'
      this.#keys.add(key)
    }
    return undefined
  }
}

/** Why the kernel refuses the step. A step that lacks a field may make it throw. */
function refusal(tx: Transaction, step: MeerkatInput): string | undefined {
  try {
    const result = tx.try(step)
    return result.ok ? undefined : result.reason
  } catch (error) {
    return messageOf(error)
  }
}

/** The runs that these events say were started. */
function startsIn(events: NonNullable<CommitRecord['events']>, inherited?: string): readonly string[] {
  return events.flatMap(({ type, runId, data }) =>
    type === 'run.started' ? [`${runId ?? inherited} ${JSON.stringify(data)}`] : [],
  )
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && new Set([...one, ...other]).size === new Set(one).size
}
