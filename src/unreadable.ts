/**
 * Makes a handle answer `invalid-params` to a value that can't be read, and not an error of the engine. A handle
 * changes nothing before its step is taken, so such a call leaves nothing behind.
 */
import { unreadable } from './options.ts'

type Method = (this: unknown, ...args: readonly unknown[]) => unknown

/** Applies this to every method of a handle's class. Called once, where the class is defined. */
export function refuseUnreadable({ prototype }: { readonly prototype: object }): void {
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const property = Object.getOwnPropertyDescriptor(prototype, name)
    const method: unknown = property?.value
    if (name === 'constructor' || !isMethod(method)) continue
    Object.defineProperty(prototype, name, { ...property, value: refusing(name, method) })
  }
}

function refusing(name: string, method: Method): Method {
  return function guarded(this: unknown, ...args: readonly unknown[]): unknown {
    try {
      const answer = method.apply(this, [...args])
      if (!(answer instanceof Promise)) return answer
      return answer.catch((error: unknown) => {
        throw unreadable(name, error)
      })
    } catch (error) {
      throw unreadable(name, error)
    }
  }
}

function isMethod(value: unknown): value is Method {
  return typeof value === 'function'
}
