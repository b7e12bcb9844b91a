/** What foreign code may do: values that resist being looked at, and ways to throw what is no error. */

/** Throws whatever it is given. */
export function throwing(value: unknown): () => never {
  return () => {
    // A generator throws anything, where a statement should throw errors.
    const thrower = (function* (): Generator<undefined, undefined> {
      yield undefined
    })()
    thrower.throw(value)
    throw new Error('not reached')
  }
}

/** A promise that is rejected later with whatever it is given. */
export function rejecting(value: unknown): () => Promise<never> {
  return async () => {
    await Promise.resolve()
    return throwing(value)()
  }
}

export const never = (): Promise<never> => new Promise(() => {})

export function circle(): object {
  const value: Record<string, unknown> = { name: 'a circle' }
  value['self'] = value
  return value
}

/** A value that throws whatever is done to it. */
export function hostileProxy(): object {
  const refuse = throwing(new Error('hands off'))
  return new Proxy(
    {},
    { get: refuse, has: refuse, ownKeys: refuse, getPrototypeOf: refuse, getOwnPropertyDescriptor: refuse },
  )
}

/** A proxy that is no thenable and throws for all else: it gets as far as whoever looks at an answer. */
export function lateProxy(): object {
  const refuse = throwing(new Error('hands off'))
  const get = (_: object, key: string | symbol): undefined => (key === 'then' ? undefined : refuse())
  return new Proxy({}, { get, ownKeys: refuse, getPrototypeOf: refuse })
}

export function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

export function withThrowingGetter<T extends object>(target: T, name: string): T {
  return Object.defineProperty(target, name, { enumerable: true, get: throwing(new Error('no')) })
}

/** An object that settles as `then` says. */
export function thenable(
  then: (end: (value: unknown) => void, fail: (error: unknown) => void) => void,
): PromiseLike<unknown> {
  // oxlint-disable-next-line unicorn/no-thenable -- being one is the purpose
  return Object.fromEntries([['then', then]]) as unknown as PromiseLike<unknown>
}
