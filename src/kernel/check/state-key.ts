/**
 * One text for all session states that behave alike.
 *
 * Left out is what no guard ever reads: slot numbers (only the order in a lane counts), times, and how many boundaries
 * a run has passed beyond whether it has passed any. That makes the reachable states finitely many without a budget
 * of runs or boundaries. Slices are shared between states, so each is put into words once.
 */
import type { MeerkatState } from '../machine.ts'
import { mapValues } from '../persistent-map.ts'
import type { Calls } from '../regions/calls.ts'
import { inOrder } from '../regions/lane.ts'
import type { Ledger, LedgerEntry } from '../regions/ledger-entries.ts'
import type { Run } from '../regions/run.ts'

/** Makes a function from states to keys. It remembers what it saw; drop it with the states. */
export function stateKeyer(): (state: MeerkatState) => string {
  const words = new Map<string, number>()
  const numbers = new WeakMap<object, number>()
  const numberOf = <Slice extends object>(slice: Slice, inWords: (slice: Slice) => string): number => {
    const known = numbers.get(slice)
    if (known !== undefined) return known
    const text = inWords(slice)
    const number = words.get(text) ?? words.size
    words.set(text, number)
    numbers.set(slice, number)
    return number
  }
  return s =>
    [
      numberOf(s.lifecycle, plain),
      numberOf(s.registration, plain),
      numberOf(s.binding, plain),
      numberOf(s.ledger, ledgerInWords),
      numberOf(s.run, runInWords),
      numberOf(s.turn, plain),
      numberOf(s.calls, callsInWords),
      numberOf(s.transcript, plain),
    ].join()
}

/** Property order is by construction, so it is sorted away. */
function plain(slice: object): string {
  return JSON.stringify(sorted(slice))
}

function sorted(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
  const entries = Object.entries(value).filter(([, one]) => one !== undefined)
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, one]) => [key, sorted(one)]))
}

function runInWords(run: Run): string {
  if (run.phase === 'none') return 'run'
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
