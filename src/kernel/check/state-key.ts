/**
 * One text for all session states that behave alike.
 *
 * Left out is what no guard ever reads: slot numbers (only the order in a lane counts), times but those of schedules, whether
 * somebody said what a run cost, and how many boundaries a run has passed beyond whether it has passed any. That makes the reachable states finitely many without a budget
 * of runs or boundaries. Slices are shared between states, so each is put into words once.
 */
import { meerkat } from '../machine.ts'
import { mapEntries, mapValues } from '../persistent-map.ts'
import type { Calls } from '../regions/calls/state.ts'
import type { Endings } from '../regions/endings/state.ts'
import { inOrder } from '../regions/lane.ts'
import type { Ledger, LedgerEntry } from '../regions/ledger/state.ts'
import { type Live } from '../regions/live/state.ts'
import { isEnded, type OperationEntry, type Operations } from '../regions/operations/state.ts'
import type { ProductTurn } from '../regions/product-turn/state.ts'
import type { Realtime } from '../regions/realtime/state.ts'
import { imagesOf, type Routing } from '../regions/routing/state.ts'
import type { Run } from '../regions/run/state.ts'
import type { Schedules } from '../regions/schedules/state.ts'
import { schedulesOf } from '../regions/schedules/table.ts'
import type { Surface, ToolSurfaces } from '../regions/tool-surfaces/state.ts'
import type { Visibility } from '../regions/visibility/state.ts'
import type { MeerkatState } from '../state.ts'

/** How a slice is put into words; those that are missing count as they are. */
const WORDS: { readonly [Name in keyof MeerkatState]?: (slice: MeerkatState[Name]) => string } = {
  run: runInWords,
  ledger: ledgerInWords,
  endings: endingsInWords,
  calls: callsInWords,
  operations: operationsInWords,
  schedules: schedulesInWords,
  routing: routingInWords,
  toolSurfaces: toolSurfacesInWords,
  visibility: visibilityInWords,
  realtime: realtimeInWords,
  productTurn: productTurnInWords,
  live: liveInWords,
}

interface Slice {
  readonly name: keyof MeerkatState
  readonly inWords: (slice: object) => string
  /** Whether a snapshot holds it. */
  readonly isFact: boolean
}

const SLICES: readonly Slice[] = meerkat.regions.map(({ name, condition }) => ({
  name,
  inWords: (WORDS[name] as ((slice: object) => string) | undefined) ?? plain,
  isFact: condition === undefined,
}))

/** Keys of states. It keeps the slices it was told to remember; drop it with the states. */
export class StateKeys {
  readonly #words = new Map<string, number>()
  readonly #numbers = new Map<object, number>()
  /** By region: the slice that was met last of those that are remembered, and its part of a key. Neighbours share most. */
  readonly #last: (object | undefined)[] = SLICES.map(() => undefined)
  readonly #lastPart: string[] = SLICES.map(() => '')
  /** The numbers of slices of facts that were remembered. */
  readonly #facts = new Set<number>()

  keyOf(s: MeerkatState): string {
    let key = ''
    for (const [index, one] of SLICES.entries()) {
      const slice = s[one.name]
      key += slice === this.#last[index] ? this.#lastPart[index] : this.#partOf(index, one, slice)
    }
    return key
  }

  /** A key of the facts only: what a snapshot has to bring back. */
  factsOf(s: MeerkatState): string {
    return SLICES.map(one => (one.isFact ? this.#number(s[one.name], one) : '')).join()
  }

  /**
   * Knows the slices of this state from now on: those that follow from it share most of them. Answers whether one of its
   * facts is news.
   */
  remember(s: MeerkatState): boolean {
    const before = this.#facts.size
    for (const one of SLICES) {
      const slice = s[one.name]
      if (this.#numbers.has(slice)) continue
      const number = this.#number(slice, one)
      this.#numbers.set(slice, number)
      if (one.isFact) this.#facts.add(number)
    }
    return this.#facts.size > before
  }

  #partOf(index: number, one: Slice, slice: object): string {
    const part = `${this.#number(slice, one)},`
    if (this.#numbers.has(slice)) {
      this.#last[index] = slice
      this.#lastPart[index] = part
    }
    return part
  }

  /** The number of a slice among all that were seen, whichever region they are of: their words differ. */
  #number(slice: object, { name, inWords }: Slice): number {
    const known = this.#numbers.get(slice)
    if (known !== undefined) return known
    const text = `${name} ${inWords(slice)}`
    const number = this.#words.get(text)
    if (number !== undefined) return number
    this.#words.set(text, this.#words.size)
    return this.#words.size - 1
  }
}

/** The order of properties counts, too: at worst a state is visited twice. Maps of equal contents have equal shapes. */
function plain(slice: object): string {
  return JSON.stringify(slice)
}

function runInWords(run: Run): string {
  if (run.phase === 'none') return 'no run'
  const { runId, contributors, progressed, cancel, keepsAnswer = false, boundary } = run
  return `run ${runId} ${contributors.join()} ${progressed} ${cancel} ${keepsAnswer} ${boundary > 0}`
}

function ledgerInWords(ledger: Ledger): string {
  const entries = [...mapValues(ledger.entries)].map(entryInWords).toSorted()
  return `ledger ${entries.join(' ')} | ${[...inOrder(ledger.queue)].join()} | ${[...inOrder(ledger.steer)].join()} | ${ledger.waking}`
}

function endingsInWords({ groups }: Endings): string {
  const all = groups.map(({ reason, entries, queue, steer }) => {
    const inputs = mapValues(entries).map(entryInWords).toSorted()
    return `${reason} ${inputs.join(' ')} | ${[...inOrder(queue)].join()} | ${[...inOrder(steer)].join()}`
  })
  return `endings ${all.join(' || ')}`
}

function entryInWords(entry: LedgerEntry): string {
  const { id, kind, lane, wake, attempts, supersessionKey = '', carries, status } = entry
  const { progressed = false, silent = false, ephemeral = false } = entry
  const marks = [progressed, silent, ephemeral].join('+')
  const place = status === 'carried' ? entry.carrier : status === 'queued' ? '' : entry.runId
  return [id, kind, lane, wake, attempts, supersessionKey, carries.join('+'), marks, status, place].join('/')
}

function callsInWords(calls: Calls): string {
  const open = [...mapValues(calls.open)].map(
    call => `${call.id}/${call.work}/${call.policy}/${call.state}/${call.crashes ?? ''}/${call.passed ?? ''}`,
  )
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
  const more = isEnded(entry) ? [entry.seq, entry.taken] : [entry.peerReady, entry.resumable, entry.takeUps]
  return [id, kind, status, ...more].join('/')
}

/** No guard counts epochs or reads how something ended; only which names are used up. */
function routingInWords(routing: Routing): string {
  const { epoch: _, images, recent, ...rest } = routing
  const ended = recent.map(({ type, id }) => `${type} ${id}`).toSorted()
  return `routing ${images.size} ${JSON.stringify([rest, imagesOf(routing), ended])}`
}

function schedulesInWords(schedules: Schedules): string {
  return `schedules ${JSON.stringify(schedulesOf(schedules))}`
}

/** Which generation of the tools it is, only those ask who have seen one. */
function visibilityInWords({ generation: _, ...rest }: Visibility): string {
  return `visibility ${JSON.stringify(rest)}`
}

/** Sequences and epochs are only ever compared with those there are, and times with none. */
function toolSurfacesInWords({ phase, surfaces }: ToolSurfaces): string {
  const all = [...mapValues(surfaces)].map(surfaceInWords).toSorted()
  return `toolSurfaces ${phase} ${all.join(' ')}`
}

function surfaceInWords({ id, base, retiring, staged, pending }: Surface): string {
  const calls = 'serving' in base ? base.serving.inflight : ''
  const others = retiring.map(({ inflight }) => inflight).join('+')
  return [id, base.state, calls, others, staged?.operation, pending?.operation].join('/')
}

/** An epoch is only ever compared with the current one; intent and attempts are for people. */
function realtimeInWords({ phase, attachment }: Realtime): string {
  return `realtime ${phase} ${attachment.state} ${'cycle' in attachment ? attachment.cycle.state : ''}`
}

/** A time is only ever compared with the frontier. */
function productTurnInWords({ phase, freshness, policy }: ProductTurn): string {
  return `productTurn ${phase} ${freshness} ${policy}`
}

/** Numbers of verdicts and observations only rise, and what was observed is for people. */
function liveInWords(live: Live): string {
  const { phase, closed } = live
  const channel = phase === 'bound' ? live.channel : undefined
  const tokens = channel === undefined ? [] : [...mapEntries(channel.tokens)].map(token => JSON.stringify(token))
  return `live ${phase} ${channel?.id} ${tokens.toSorted().join()} ${closed?.id}`
}
