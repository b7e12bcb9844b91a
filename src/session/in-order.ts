/** Acts that share a name are done one after the other, in the order in which they were asked for. */
export class InOrder {
  readonly #last = new Map<string, Promise<void>>()

  /**
   * Acts when all earlier acts that share a name with it have ended. It takes its place under all its names at once, so that
   * two acts never wait for each other.
   */
  async act<T>(names: readonly string[], act: () => Promise<T>): Promise<T> {
    if (names.length === 0) return act()
    const mine = Promise.all(names.flatMap(name => this.#last.get(name) ?? [])).then(act)
    const ended = mine.then(
      () => {},
      () => {},
    )
    for (const name of names) this.#last.set(name, ended)
    try {
      return await mine
    } finally {
      for (const name of names) if (this.#last.get(name) === ended) this.#last.delete(name)
    }
  }
}
