/**
 * Limits the runs that a process performs at once: in total, and for each value of some labels.
 *
 * Fair: the run that has waited longest gets the next slot, unless one of its labels is at its limit; then the next run with
 * room gets it. A session waits for one run at a time, so it gets no second slot before the others had one.
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

/** Runs of sessions with the same values of the limited labels. */
interface Group {
  /** The limits that apply to the group, by label and value. */
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

  /** Calls `begin` once the run has a slot, perhaps at once. Answers the function that gives it back, or stops waiting. */
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

  /** Gives free slots to the runs that may have them. */
  #grant(): void {
    while (this.#waiting > 0 && this.#performing < this.total) {
      const [next, group] = this.#longestWaiting()
      if (next === undefined || group === undefined) return
      group.waiting.delete(next)
      this.#waiting--
      this.#performing++
      for (const { name } of group.counted) this.#taken.set(name, (this.#taken.get(name) ?? 0) + 1)
      next.begin()
    }
  }

  /** The run that has waited longest among those whose labels have room. */
  #longestWaiting(): readonly [Waiting, Group] | readonly [] {
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

/** The limits of the option `maxConcurrentRuns`, checked. `invalid-params` names the wrong one. */
export function runLimits(given: unknown): RunLimits | undefined {
  if (given === undefined) return undefined
  if (typeof given === 'number') return { total: demandCount('maxConcurrentRuns', given) }
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw notACount('maxConcurrentRuns', given)
  const { total, perLabel = {}, ...rest } = given as Readonly<Record<string, unknown>>
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) throw notACount(`maxConcurrentRuns.${unknown}`, 'known: total and perLabel are')
  if (typeof perLabel !== 'object' || perLabel === null) throw notACount('maxConcurrentRuns.perLabel', perLabel)
  const labels = Object.entries(perLabel).map(([label, limit]: [string, unknown]): readonly [string, number] => [
    label,
    demandCount(`maxConcurrentRuns.perLabel.${label}`, limit),
  ])
  return {
    ...(total !== undefined && { total: demandCount('maxConcurrentRuns.total', total) }),
    perLabel: Object.fromEntries(labels),
  }
}

/** A caller's count, checked. `invalid-params` names it if it is not a whole number from 1 on. */
export function demandCount(path: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return value
  throw notACount(path, value)
}

function notACount(path: string, value: unknown): MeerkatError {
  const message = `must be a whole number from 1 on, not ${messageOf(value)}`
  return new MeerkatError('invalid-params', `${path} ${message}`, { details: { issues: [{ path, message }] } })
}
