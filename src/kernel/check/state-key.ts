/**
 * Keys of session states: states that behave alike have the same key.
 *
 * A region's key leaves out what no guard reads, which makes the reachable states finite without a limit on runs or
 * boundaries. States share slices, so the text of each slice is computed once.
 */
import { meerkat } from '../machine.ts'
import type { MeerkatState } from '../state.ts'

interface Slice {
  readonly name: keyof MeerkatState
  readonly inWords: (slice: object) => string
  /** Whether a snapshot holds it. */
  readonly isFact: boolean
}

const SLICES: readonly Slice[] = meerkat.regions.map(({ name, condition, key }) => ({
  name,
  inWords: (key as ((slice: object) => string) | undefined) ?? plain,
  isFact: condition === undefined,
}))

/** Computes keys. It keeps the slices of remembered states; drop it with the states. */
export class StateKeys {
  readonly #words = new Map<string, number>()
  readonly #numbers = new Map<object, number>()
  /** By region: the slice of the last state and its part of the key; successive states share most slices. */
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

  /** A key of the facts only, which a snapshot has to restore. */
  factsOf(s: MeerkatState): string {
    return SLICES.map(one => (one.isFact ? this.#number(s[one.name], one) : '')).join()
  }

  /**
   * Remembers the slices of this state, because states that follow from it share most of them. Answers whether one of its
   * facts is new.
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

  /** The number of a slice among the slices of all regions; the texts of different regions differ. */
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

/** The text depends on the order of properties: at worst a state is visited twice. Maps of equal contents have equal shapes. */
function plain(slice: object): string {
  return JSON.stringify(slice)
}
