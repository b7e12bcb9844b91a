/**
 * Objects that only one mint can make: holding one proves that its holder got it there. A copy or a look-alike does
 * not.
 */
declare const minted: unique symbol

/** Made by a `Mint`. The mark exists in the type alone; at run time the mint remembers what it made. */
export type Minted<T extends object> = T & { readonly [minted]: true }

export class Mint<T extends object> {
  readonly #made = new WeakSet<object>()

  /** A frozen copy that this mint will recognise. */
  mint<Made extends T>(token: Made): Minted<Made> {
    const made = Object.freeze({ ...token }) as Minted<Made>
    this.#made.add(made)
    return made
  }

  /** Whether it was made here and is not spent. */
  isGenuine(token: object): boolean {
    return this.#made.has(token)
  }

  /** Makes a spent one usable again: what it was spent for did not happen. */
  giveBack(token: Minted<T>): void {
    this.#made.add(token)
  }

  /** Spends it; answers whether it was made here and unspent. */
  spend(token: object): boolean {
    return this.#made.delete(token)
  }
}
