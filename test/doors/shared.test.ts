/** What the processes of a store share, tried with hostile values, stores that answer anything, and damaged entries. */
import { expect, onTestFinished, test } from 'vitest'
import { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import type { SessionId } from '../../src/kernel/ids.ts'
import { memory } from '../../src/store/memory.ts'
import type { Registry } from '../../src/store/registry.ts'
import type { Store, StoreSource } from '../../src/store/store.ts'
import { ANSWERS, VALUES } from './hostile.ts'
import { broken, outcomeOf } from './try-door.ts'

const KEY = { realm: 'work', binding: 'openai' }
const OTHER = { realm: 'work', binding: 'google' }
const LOGIN = { target: KEY, provider: 'openai', redirectUri: 'http://127.0.0.1/callback', pkceVerifier: 'v' }
const granted = () => Promise.resolve({ ok: true, token: 'fresh' } as const)

async function on(source: StoreSource): Promise<MeerkatMachine> {
  const machine = await MeerkatMachine.persistent(source)
  onTestFinished(() => machine.close())
  return machine
}

/** A store whose registry answers so, from the moment it is spoilt. */
function spoilable(method: keyof Registry, answer: () => unknown) {
  const source = memory()
  let isSpoilt = false
  const registryOf = (store: Store): Registry =>
    new Proxy(store.registry, {
      get(target, name) {
        if (isSpoilt && name === method) return answer
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
  return {
    spoil: (spoilt: boolean): void => {
      isSpoilt = spoilt
    },
    source: {
      name: 'spoilable',
      async open() {
        const store = await source.open()
        return new Proxy(store, {
          get(target, name) {
            if (name === 'registry') return registryOf(target)
            const value: unknown = Reflect.get(target, name, target)
            return typeof value === 'function' ? (value.bind(target) as unknown) : value
          },
        })
      },
    } satisfies StoreSource,
  }
}

test('values that are no bindings, ids or identities are refused, and others go on', async () => {
  const source = memory()
  const [machine, bystander] = [await on(source), await on(source)]
  const [leases, flows] = [machine.auth.authLeaseHandle(), machine.auth.oauthFlowAuthority()]
  const claims = machine.sessionClaimHandle()
  const doors: Readonly<Record<string, (value: never) => unknown>> = {
    stands: value => leases.stands(value),
    synchronise: value => leases.synchronise(value),
    refresh: value => machine.auth.authRefreshes().refresh(value, granted),
    tryAcquire: value => claims.tryAcquire(value).confirmed,
    release: value => claims.release(value),
    startBrowserFlow: value => flows.startBrowserFlow({ ...LOGIN, target: value }),
    consumeBrowserFlow: value => flows.consumeBrowserFlow(value, LOGIN),
    'consumeBrowserFlow for': value => flows.consumeBrowserFlow('st-none' as never, value),
  }
  const trials = Object.entries(doors).flatMap(([name, door]) =>
    Object.entries(VALUES).map(([what, make]) => ({ name: `${name}(${what})`, call: () => door(make() as never) })),
  )
  expect(await broken(trials)).toEqual([])
  bystander.auth.authLeaseHandle().acquireLease(KEY)
  expect(await bystander.auth.authRefreshes().refresh(KEY, granted)).toBe('fresh')
  await bystander.sessionClaimHandle().tryAcquire('s' as SessionId).confirmed
})

const METHODS = ['entry', 'entries', 'swap'] as const

test.each(METHODS.flatMap(method => Object.entries(ANSWERS).map(([what, answer]) => [method, what, answer] as const)))(
  'a registry whose %s gives %s',
  { timeout: 60_000 },
  async (method, _, answer) => {
    const { source, spoil } = spoilable(method, answer)
    const machine = await on(source)
    const leases = machine.auth.authLeaseHandle()
    leases.acquireLease(KEY)
    await leases.stands(KEY)
    spoil(true)
    const claim = () => machine.sessionClaimHandle().tryAcquire('s' as SessionId)
    const calls = [
      () => machine.auth.authRefreshes().refresh(KEY, granted),
      () => machine.auth.authRefreshes().refresh(OTHER, granted),
      () => machine.auth.oauthFlowAuthority().startBrowserFlow(LOGIN),
      () => claim().confirmed,
      () => leases.synchronise(KEY),
      () => leases.releaseLease(OTHER),
    ]
    for (const call of calls) expect(await outcomeOf(call)).not.toMatchObject({ type: 'silent' })
    spoil(false)
    // The store answers again: what was said meanwhile is told, and nothing is in the way.
    await leases.synchronise(KEY)
    leases.acquireLease(KEY)
    expect(await machine.auth.authRefreshes().refresh(KEY, granted)).toBe('fresh')
  },
)

test('an entry that nobody can read is in the way of no other', async () => {
  const source = memory()
  const store = await source.open()
  onTestFinished(() => store.close())
  for (const [binding, body] of [
    ['text', 'no JSON'],
    ['null', 'null'],
    ['newer', '{"v":99}'],
    ['broken', '{"v":1,"lease":{"phase":"valid","generation":-1},"flows":[]}'],
  ]) {
    await store.registry.swap(`credential:work:${binding}`, 0, { body: body ?? '' })
  }
  await store.registry.swap('identity:s', 0, { body: 'no JSON' })
  const machine = await on(source)
  const leases = machine.auth.authLeaseHandle()
  leases.acquireLease(KEY)
  expect(await machine.auth.authRefreshes().refresh(KEY, granted)).toBe('fresh')
  await machine.sessionClaimHandle().tryAcquire('s' as SessionId).confirmed
  for (const binding of ['text', 'null', 'newer', 'broken']) {
    const said = expect.stringContaining(`credential:work:${binding} can't be read`) as string
    await expect(leases.synchronise({ realm: 'work', binding })).rejects.toMatchObject({ message: said })
  }
})
