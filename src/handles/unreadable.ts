/**
 * What a handle answers to a value that it can't even read: `invalid-params`, never the error of the engine. A handle
 * changes nothing before its step is taken, so a call that ended so has left nothing behind.
 */
import { MeerkatError } from '../errors.ts'
import { errorOf, messageOf } from '../foreign.ts'

type Method = (this: unknown, ...args: readonly unknown[]) => unknown

/** Has every method of a handle's class refuse so. Called once, where the class is. */
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
        throw refusalOf(name, error)
      })
    } catch (error) {
      throw refusalOf(name, error)
    }
  }
}

function refusalOf(name: string, error: unknown): unknown {
  if (isOurs(error)) return error
  return new MeerkatError('invalid-params', `${name} can't read what it was given: ${messageOf(error)}`, {
    cause: error,
    details: { issues: [{ path: name, message: messageOf(error) }] },
  })
}

/** Whether it is an error of a class of ours. The engine's own, and whatever a caller's value throws, are not. */
function isOurs(thrown: unknown): boolean {
  const { constructor } = errorOf(thrown)
  return constructor !== Error && !ENGINE.has(constructor)
}

const ENGINE: ReadonlySet<unknown> = new Set([TypeError, RangeError, SyntaxError, ReferenceError, URIError])

function isMethod(value: unknown): value is Method {
  return typeof value === 'function'
}
