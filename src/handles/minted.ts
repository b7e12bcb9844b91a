/**
 * What only its maker can make: whoever holds one got it there. A copy, or an object that looks the same, is not one.
 */
declare const minted: unique symbol

/** Made by a `Mint`. The mark is the type's alone; at run time the mint knows what it made. */
export type Minted<T extends object> = T & { readonly [minted]: true }

export class Mint<T extends object> {
  readonly #made = new WeakSet<object>()

  /** A frozen copy that this mint will know again. */
  mint<Made extends T>(token: Made): Minted<Made> {
    const made = Object.freeze({ ...token }) as Minted<Made>
    this.#made.add(made)
    return made
  }

  /** Whether it was made here and is not spent. */
  isGenuine(token: object): boolean {
    return this.#made.has(token)
  }

  /** Puts it back into use: what it was spent for did not happen. */
  giveBack(token: Minted<T>): void {
    this.#made.add(token)
  }

  /** Takes it out of use; answers whether it was made here and in use. */
  spend(token: object): boolean {
    return this.#made.delete(token)
  }
}
