/** A round that breaks: whoever broke it is refused, and nobody else notices. */
import { describe, expect, it, onTestFinished } from 'vitest'
import type { SessionDriver } from '../../src/driver/driver.ts'
import type { Transaction } from '../../src/driver/transaction.ts'
import { echo } from '../../src/executor/echo.ts'
import { Core } from '../../src/session/core.ts'
import { Runtime } from '../../src/session/runtime.ts'
import type { InputRecord } from '../../src/store/records.ts'
import { freshStore, STORES, type StoreKind } from '../session/support.ts'

interface Opened {
  readonly runtime: Runtime
  readonly core: Core
  readonly driver: SessionDriver
}

async function opened(kind: StoreKind): Promise<Opened> {
  const place = freshStore(kind)
  const core = new Core(await place.open(), { executor: echo() }, place)
  const runtime = new Runtime(core)
  onTestFinished(() => runtime.close())
  await runtime.open({ sessionId: 's' })
  const driver = await core.on('s', live => Promise.resolve(live.driver))
  return { runtime, core, driver }
}

const note = (tx: Transaction): string => {
  tx.event({ type: 'notice', data: { code: 'noted' } })
  return 'noted'
}
/** What no record can be made of: content that is no content. */
const poison = (tx: Transaction): string => {
  note(tx)
  tx.parts.inputs.push({ id: 'x', at: tx.at, mode: 'queue', kind: 'prompt', content: 42 } as unknown as InputRecord)
  return 'poisoned'
}
/** What breaks in the store, behind the transaction. */
const unwritable = (tx: Transaction): string => {
  tx.event({ type: 'notice', data: { code: 1n } })
  return 'unwritable'
}

async function ends(promises: readonly Promise<unknown>[]): Promise<readonly unknown[]> {
  const settled = await Promise.allSettled(promises)
  return settled.map(one => (one.status === 'fulfilled' ? one.value : 'refused'))
}

describe.each(STORES)('on %s', kind => {
  it('refuses the caller whose work can not be recorded, and serves those of the same round', async () => {
    const { runtime, driver } = await opened(kind)
    const asked = [note, poison, note].map(run => driver.mutate(run))
    expect(await ends(asked)).toEqual(['noted', 'refused', 'noted'])
    expect(await runtime.send('s', { content: 'hello', waitMs: 5_000 })).toMatchObject({ status: 'consumed' })
  })

  it('ends no pump: what is asked afterwards is done', async () => {
    const { driver } = await opened(kind)
    expect(await ends([driver.mutate(poison)])).toEqual(['refused'])
    expect(await ends([driver.mutate(poison), driver.mutate(poison)])).toEqual(['refused', 'refused'])
    expect(await ends([driver.mutate(note)])).toEqual(['noted'])
    await driver.mailboxEmptied()
  })

  it('takes back what a mutation did besides, and does it once for those that stand', async () => {
    const { driver } = await opened(kind)
    const kept: string[] = []
    const keeping = (name: string, also: (tx: Transaction) => unknown) => (tx: Transaction) => {
      kept.push(name)
      tx.onRewind(() => kept.splice(kept.indexOf(name), 1))
      return also(tx)
    }
    await ends([
      driver.mutate(keeping('one', note)),
      driver.mutate(keeping('bad', poison)),
      driver.mutate(keeping('two', note)),
    ])
    expect(kept).toEqual(['one', 'two'])
  })

  it('refuses one that hears of what it did and throws then, and publishes to the others', async () => {
    const { driver } = await opened(kind)
    const heard: string[] = []
    const asked = ['a', 'b', 'c'].map(name =>
      driver.mutate(note, {
        published: () => {
          if (name === 'b') throw new TypeError('no good listener')
          heard.push(name)
        },
      }),
    )
    expect(await ends(asked)).toEqual(['noted', 'refused', 'noted'])
    expect(heard).toEqual(['a', 'c'])
  })

  it('takes a crowd in one bounded round after the other, in order, while timers go on', async () => {
    const { driver } = await opened(kind)
    const rounds = new Map<Transaction, number>()
    const order: number[] = []
    let turns = 0
    const turning = setInterval(() => turns++, 0)
    onTestFinished(() => clearInterval(turning))
    const asked = Array.from({ length: 4_500 }, (_, index) =>
      driver.mutate(tx => {
        rounds.set(tx, (rounds.get(tx) ?? 0) + 1)
        order.push(index)
        return note(tx)
      }),
    )
    await Promise.all(asked)
    expect([...rounds.values()]).toEqual([1_000, 1_000, 1_000, 1_000, 500])
    expect(order).toEqual(order.toSorted((a, b) => a - b))
    expect(turns).toBeGreaterThan(1)
  })

  it('answers what threw with a value that is no error', async () => {
    const { driver } = await opened(kind)
    const asked = [null, undefined, Object.create(null)].map(thrown =>
      driver.mutate(() => {
        throw thrown
      }),
    )
    expect(await ends([...asked, driver.mutate(note)])).toEqual(['refused', 'refused', 'refused', 'noted'])
  })

  it('drops streamed events that can not be written, and nobody has to wait for it', async () => {
    const { driver } = await opened(kind)
    driver.stream({ type: 'notice', data: { code: 1n } })
    expect(await ends([driver.mutate(note), driver.mutate(note)])).toEqual(['noted', 'noted'])
    driver.stream({ type: 'notice', data: { code: 'well' } })
    expect(await ends([driver.mutate(note)])).toEqual(['noted'])
  })
})

it('refuses the one whose record the store can not hold', async () => {
  const { driver } = await opened('sqlite')
  const asked = [note, unwritable, note].map(run => driver.mutate(run))
  expect(await ends(asked)).toEqual(['noted', 'refused', 'noted'])
})
