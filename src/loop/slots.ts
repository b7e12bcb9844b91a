/**
 * How many runs a process performs at once: in all, and for each value of some labels.
 *
 * Fair: whoever waits longest is first, unless a label of it has no room; then those that have room pass it. A session
 * waits for one run at a time, so none comes again before the others had their turn.
 */
import { MeerkatError } from '../errors.ts'
import { messageOf } from '../foreign.ts'

/** Labels of a session. */
export type Labels = Readonly<Record<string, string>>

export interface RunLimits {
  /** Runs at once in this process. */
  readonly total?: number
  /** Runs at once for each value of a label: `{ tenant: 5 }`. Sessions without the label are not counted. */
  readonly perLabel?: Readonly<Record<string, number>>
}

interface Waiting {
  readonly since: number
  readonly begin: () => void
}

/** The sessions whose limited labels say the same, those that wait in the order in which they came. */
interface Group {
  /** What counts for it: the names of its limited labels, with their values. */
  readonly counted: readonly { readonly name: string; readonly limit: number }[]
  readonly waiting: Set<Waiting>
}

export class RunSlots {
  readonly total: number
  readonly #perLabel: readonly (readonly [label: string, limit: number])[]
  readonly #groups = new Map<string, Group>()
  readonly #taken = new Map<string, number>()
  #arrivals = 0
  #performing = 0
  #waiting = 0

  constructor({ total = Number.POSITIVE_INFINITY, perLabel = {} }: RunLimits) {
    this.total = total
    this.#perLabel = Object.entries(perLabel)
  }

  /** Runs that wait for a slot. */
  get waiting(): number {
    return this.#waiting
  }

  /** Calls `begin` once the run may begin, perhaps at once. Returns how to give the slot back, or to wait no more. */
  take(labels: Labels, begin: () => void): () => void {
    const { key, group } = this.#groupOf(labels)
    let state: 'waiting' | 'performing' | 'over' = 'waiting'
    const waiting: Waiting = {
      since: this.#arrivals++,
      begin: () => {
        state = 'performing'
        begin()
      },
    }
    group.waiting.add(waiting)
    this.#waiting++
    this.#grant()
    return () => {
      if (state === 'performing') this.#release(group)
      else if (state === 'waiting' && group.waiting.delete(waiting)) this.#waiting--
      state = 'over'
      if (group.waiting.size === 0) this.#groups.delete(key)
      this.#grant()
    }
  }

  #groupOf(labels: Labels): { readonly key: string; readonly group: Group } {
    const counted = this.#perLabel.flatMap(([label, limit]) => {
      const value = Object.hasOwn(labels, label) ? labels[label] : undefined
      return value === undefined ? [] : [{ name: JSON.stringify([label, value]), limit }]
    })
    const key = counted.map(({ name }) => name).join()
    const group = this.#groups.get(key) ?? { counted, waiting: new Set() }
    this.#groups.set(key, group)
    return { key, group }
  }

  /** Lets begin whoever may. */
  #grant(): void {
    while (this.#waiting > 0 && this.#performing < this.total) {
      const [next, group] = this.#longest()
      if (next === undefined || group === undefined) return
      group.waiting.delete(next)
      this.#waiting--
      this.#performing++
      for (const { name } of group.counted) this.#taken.set(name, (this.#taken.get(name) ?? 0) + 1)
      next.begin()
    }
  }

  /** Who waits longest of those that have room. */
  #longest(): readonly [Waiting, Group] | readonly [] {
    let found: readonly [Waiting, Group] | readonly [] = []
    for (const group of this.#groups.values()) {
      const [first] = group.waiting
      if (first === undefined || !this.#hasRoom(group)) continue
      if (found[0] === undefined || first.since < found[0].since) found = [first, group]
    }
    return found
  }

  #hasRoom({ counted }: Group): boolean {
    return counted.every(({ name, limit }) => (this.#taken.get(name) ?? 0) < limit)
  }

  #release({ counted }: Group): void {
    this.#performing--
    for (const { name } of counted) {
      const left = (this.#taken.get(name) ?? 1) - 1
      if (left === 0) this.#taken.delete(name)
      else this.#taken.set(name, left)
    }
  }
}

/** The limits that a caller's words come to. `invalid-params` names the one that is none. */
export function runLimits(given: unknown): RunLimits | undefined {
  if (given === undefined) return undefined
  if (typeof given === 'number') return { total: demandCount('maxConcurrentRuns', given) }
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw noCount('maxConcurrentRuns', given)
  const { total, perLabel = {}, ...rest } = given as Readonly<Record<string, unknown>>
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) throw noCount(`maxConcurrentRuns.${unknown}`, 'known: total and perLabel are')
  if (typeof perLabel !== 'object' || perLabel === null) throw noCount('maxConcurrentRuns.perLabel', perLabel)
  const labels = Object.entries(perLabel).map(([label, limit]: [string, unknown]): readonly [string, number] => [
    label,
    demandCount(`maxConcurrentRuns.perLabel.${label}`, limit),
  ])
  return {
    ...(total !== undefined && { total: demandCount('maxConcurrentRuns.total', total) }),
    perLabel: Object.fromEntries(labels),
  }
}

/** A count that a caller gave, believed. `invalid-params` names it where it is none. */
export function demandCount(path: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return value
  throw noCount(path, value)
}

function noCount(path: string, value: unknown): MeerkatError {
  const message = `must be a whole number from 1 on, not ${messageOf(value)}`
  return new MeerkatError('invalid-params', `${path} ${message}`, { details: { issues: [{ path, message }] } })
}
