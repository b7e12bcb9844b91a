/** A store with injected faults is in everything else the store that it stands for. */
import { expect, test } from 'vitest'
import { createRuntime } from '../../src/index.ts'
import { memory } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'
import { faultyStore } from '../../src/testing/index.ts'

/** A memory store that is in trouble when told so. */
async function troubled(): Promise<{ readonly store: Store; readonly tell: (trouble: string | undefined) => void }> {
  const inner = await memory().open()
  let trouble: string | undefined
  const store = new Proxy(inner, {
    get(target, name) {
      if (name === 'trouble') return trouble
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
  })
  return {
    store,
    tell: said => {
      trouble = said
    },
  }
}

test('what slows the store beneath reaches the health of the runtime, while it does', async () => {
  const { store, tell } = await troubled()
  const source = faultyStore({ name: 'memory:', open: () => Promise.resolve(store) }, {})
  const runtime = await createRuntime({ store: source })
  expect(runtime.health()).toMatchObject({ status: 'ok', reasons: [] })
  tell('notifications are late')
  expect(runtime.health()).toMatchObject({ status: 'degraded', reasons: ['notifications are late'] })
  tell(undefined)
  expect(runtime.health()).toMatchObject({ status: 'ok', reasons: [] })
  await runtime.close()
})
