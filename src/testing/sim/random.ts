/** Random numbers from a seed: the same at every run, on every machine. */

import { aNumber, checkArgument } from '../../options.ts'

export class Random {
  #state: number

  constructor(seed: number) {
    checkArgument('new Random', 'seed', seed, aNumber)
    this.#state = (Math.imul(seed | 0, 0x9e3779b1) ^ 0x85ebca6b) >>> 0
  }

  /** From 0 (inclusive) to 1 (exclusive). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    const mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    const again = mixed ^ (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61))
    return ((again ^ (again >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from 0 up to, but not including, `below`. */
  int(below: number): number {
    return Math.floor(this.next() * below)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** One of a list; undefined if there is none. */
  pick<T>(list: readonly T[]): T | undefined {
    return list[this.int(list.length)]
  }

  /** One of the names, with a probability by its weight. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name {
    const entries = Object.entries(weights) as [Name, number][]
    let left = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [name, weight] of entries) {
      left -= weight
      if (left < 0) return name
    }
    return (entries[0] as [Name, number])[0]
  }

  /** Fills the array, as ids want it. */
  readonly bytes = (into: Uint8Array): void => {
    for (let index = 0; index < into.length; index++) into[index] = this.int(256)
  }

  /** A generator of its own, whose use does not change this one. */
  fork(): Random {
    return new Random(this.int(2 ** 31))
  }
}
