/** What a runtime is made of, for a host's machine that is built on it. It is not exported to programs. */
import { MeerkatError } from '../errors.ts'
import type { Core } from './core.ts'
import type { Registrations } from './serving/registrations.ts'

export interface Inside {
  readonly core: Core
  readonly registrations: Registrations
}

const insides = new WeakMap<object, Inside>()

export function setInside(runtime: object, inside: Inside): void {
  insides.set(runtime, inside)
}

export function insideOf(runtime: object): Inside {
  const inside = insides.get(runtime)
  if (inside === undefined) throw new MeerkatError('invalid-params', 'runtime must be one that createRuntime made')
  return inside
}
