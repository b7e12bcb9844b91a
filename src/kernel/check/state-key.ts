/**
 * One text for all session states that behave alike.
 *
 * A region's key leaves out what no guard ever reads. That makes the reachable states finitely many without a budget of runs
 * or boundaries. Slices are shared between states, so each is put into words once.
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
