/**
 * Which names did something that can be seen: answered, changed a state, or had an observer hear of it. A call that is
 * refused, or that shows nothing, does not count.
 */
import { isDeepStrictEqual } from 'node:util'

export class Seen {
  readonly #names = new Set<string>()
  #heard = 0

  /** What an observer does that was installed for a name. */
  readonly hear = (): void => {
    this.#heard += 1
  }

  /** The object, with every call of a method of it looked at. `look` reads what its methods may change. */
  watching<T extends object>(target: T, look: () => unknown, nameOf = (key: string, _: unknown): string => key): T {
    return new Proxy(target, {
      get: (_, key) => {
        const value: unknown = Reflect.get(target, key, target)
        if (typeof value !== 'function' || typeof key !== 'string') return value
        return (...args: readonly unknown[]): unknown => {
          const [before, heard] = [look(), this.#heard]
          const judge = (answer: unknown): unknown => {
            const isAnswer = answer !== undefined && !(Array.isArray(answer) && answer.length === 0)
            const shows = isAnswer || this.#heard > heard || !isDeepStrictEqual(before, look())
            if (shows) this.#names.add(nameOf(key, args[0]))
            return answer
          }
          const answer: unknown = Reflect.apply(value, target, args)
          return answer instanceof Promise ? answer.then(judge) : judge(answer)
        }
      },
    })
  }

  /** What is heard behind a call, such as by an observer that it installed, shows for it as well. */
  async through(name: string, act: () => Promise<unknown>): Promise<void> {
    const heard = this.#heard
    await act()
    if (this.#heard > heard) this.#names.add(name)
  }

  /** Those of these names that nothing was seen of. */
  unseen(names: string): readonly string[] {
    return names
      .trim()
      .split(/\s+/)
      .filter(name => !this.#names.has(name))
  }
}
