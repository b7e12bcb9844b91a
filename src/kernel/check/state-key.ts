/**
 * One text for all session states that behave alike.
 *
 * Left out is what no guard ever reads: slot numbers (only the order in a lane counts), times but those of schedules, and
 * how many boundaries a run has passed beyond whether it has passed any. That makes the reachable states finitely many without a budget
 * of runs or boundaries. Slices are shared between states, so each is put into words once.
 */
import type { MeerkatState } from '../machine.ts'
import { mapValues } from '../persistent-map.ts'
import type { Calls } from '../regions/calls.ts'
import { inOrder } from '../regions/lane.ts'
import type { Ledger, LedgerEntry } from '../regions/ledger-entries.ts'
import { isEnded, type OperationEntry, type Operations } from '../regions/operations-entries.ts'
import type { Run } from '../regions/run.ts'
import { type Schedules, schedulesOf } from '../regions/schedules.ts'

/** Keys of states. It keeps the slices it was told to remember; drop it with the states. */
export class StateKeys {
  readonly #words = new Map<string, number>()
  readonly #numbers = new Map<object, number>()

  keyOf(s: MeerkatState): string {
    const spine = `${this.#number(s.lifecycle, plain)},${this.#number(s.registration, plain)},${this.#number(s.binding, plain)}`
    const turn = `${this.#number(s.run, runInWords)},${this.#number(s.turn, plain)},${this.#number(s.transcript, plain)}`
    return `${spine},${turn},${this.contentsOf(s)}`
  }

  /** A key of the collections only: unfinished inputs, open calls, operations and schedules. */
  contentsOf(s: MeerkatState): string {
    const work = `${this.#number(s.ledger, ledgerInWords)},${this.#number(s.calls, callsInWords)}`
    return `${work},${this.#number(s.operations, operationsInWords)},${this.#number(s.schedules, schedulesInWords)}`
  }

  /** Knows the slices of this state from now on: those that follow from it share most of them. */
  remember(s: MeerkatState): void {
    for (const slice of [s.lifecycle, s.registration, s.binding, s.turn, s.transcript]) this.#keep(slice, plain)
    this.#keep(s.run, runInWords)
    this.#keep(s.ledger, ledgerInWords)
    this.#keep(s.calls, callsInWords)
    this.#keep(s.operations, operationsInWords)
    this.#keep(s.schedules, schedulesInWords)
  }

  #keep<Slice extends object>(slice: Slice, inWords: (slice: Slice) => string): void {
    if (!this.#numbers.has(slice)) this.#numbers.set(slice, this.#number(slice, inWords))
  }

  #number<Slice extends object>(slice: Slice, inWords: (slice: Slice) => string): number {
    const known = this.#numbers.get(slice)
    if (known !== undefined) return known
    const text = inWords(slice)
    const number = this.#words.get(text)
    if (number !== undefined) return number
    this.#words.set(text, this.#words.size)
    return this.#words.size - 1
  }
}

/** The order of properties counts, too: at worst a state is visited twice. */
function plain(slice: object): string {
  return JSON.stringify(slice)
}

function runInWords(run: Run): string {
  if (run.phase === 'none') return 'no run'
  return `run ${run.runId} ${run.contributors.join()} ${run.progressed} ${run.cancel} ${run.boundary > 0}`
}

function ledgerInWords(ledger: Ledger): string {
  const entries = [...mapValues(ledger.entries)].map(entryInWords).toSorted()
  return `ledger ${entries.join(' ')} | ${[...inOrder(ledger.queue)].join()} | ${[...inOrder(ledger.steer)].join()} | ${ledger.waking}`
}

function entryInWords(entry: LedgerEntry): string {
  const { id, kind, lane, wake, attempts, supersessionKey = '', carries, progressed = false, status } = entry
  const place = status === 'carried' ? entry.carrier : status === 'queued' ? '' : entry.runId
  return [id, kind, lane, wake, attempts, supersessionKey, carries.join('+'), progressed, status, place].join('/')
}

function callsInWords(calls: Calls): string {
  const open = [...mapValues(calls.open)].map(call => `${call.id}/${call.work}/${call.policy}/${call.state}`)
  return `calls ${open.toSorted().join(' ')} ${calls.unsettled}`
}

function operationsInWords(operations: Operations): string {
  const { entries, completions, droppedThrough, cursors, announcement, wait } = operations
  const all = [...mapValues(entries)].map(operationInWords).toSorted()
  return `operations ${all.join(' ')} | ${JSON.stringify([completions, droppedThrough, cursors, announcement, wait])}`
}

/** How often it reported progress is for people; no guard counts. */
function operationInWords(entry: OperationEntry): string {
  const { id, kind, status } = entry
  const more = isEnded(entry) ? [entry.seq, entry.taken] : [entry.peerReady, entry.resumable]
  return [id, kind, status, ...more].join('/')
}

function schedulesInWords(schedules: Schedules): string {
  return `schedules ${JSON.stringify(schedulesOf(schedules))}`
}
