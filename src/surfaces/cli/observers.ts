/** Combines several observers into one. */
import { type Fact, type RuntimeObserver, tell } from '../../observer.ts'

type FactName = Exclude<keyof RuntimeObserver, 'within' | 'carrier'>

/** Each observer hears every fact; the first with contexts of its own runs calls in them. */
export function observeAll(given: readonly (RuntimeObserver | undefined)[]): RuntimeObserver | undefined {
  const all = given.filter(observer => observer !== undefined)
  if (all.length < 2) return all[0]
  const each = <Name extends FactName>(name: Name, fact: Fact<Name>): void => {
    for (const observer of all) tell(observer, name, () => fact)
  }
  const context = all.find(one => 'within' in one || 'carrier' in one)
  return {
    inputAccepted: fact => each('inputAccepted', fact),
    runStarted: fact => each('runStarted', fact),
    runEnded: fact => each('runEnded', fact),
    modelCalled: fact => each('modelCalled', fact),
    toolCalled: fact => each('toolCalled', fact),
    committed: fact => each('committed', fact),
    lease: fact => each('lease', fact),
    ...(context?.within && { within: context.within.bind(context) }),
    ...(context?.carrier && { carrier: context.carrier.bind(context) }),
  } satisfies RuntimeObserver & { readonly [Name in FactName]: unknown }
}
