/** A store that breaks a promise of its contract. */
import type { Store } from '../../src/store/store.ts'

export function broken(change: (store: Store) => Partial<Store>): (store: Store) => Store {
  return store => {
    const changed = change(store)
    return new Proxy(store, {
      get: (target, name) => {
        const own: unknown = Reflect.get(changed, name)
        const member: unknown = own ?? Reflect.get(target, name)
        return typeof member === 'function' && own === undefined ? (member.bind(target) as unknown) : member
      },
    })
  }
}
