/** Many processes with one credential, in any order: one refreshes at a time, and all come to see the same. */
import { expect, test } from 'vitest'
import { AuthLeaseHandle, type AuthLeaseSnapshot } from '../../src/auth/lease.ts'
import { AuthMachines } from '../../src/auth/machines.ts'
import { AuthRefreshCoordinator, type CredentialRefreshOutcome } from '../../src/auth/refresh.ts'
import { memory } from '../../src/store/memory.ts'
import type { StoreSource } from '../../src/store/store.ts'
import { systemClock } from '../../src/time.ts'

const KEY = { realm: 'work', binding: 'openai' }
const HOUR = 3_600_000

/** Numbers from 0 up to a limit, the same for the same seed. */
function drawing(seed: number): (limit: number) => number {
  let state = seed
  return limit => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}

type End = (outcome: CredentialRefreshOutcome<string>) => void

/** A process, as far as credentials go. It dies with its store. */
async function processOn(source: StoreSource, name: string) {
  const store = await source.open()
  const machines = new AuthMachines({ shared: { registry: store.registry, owner: name } })
  const leases = new AuthLeaseHandle({ machines, clock: systemClock })
  await machines.look()
  const refreshes = new AuthRefreshCoordinator<string>({ leases, clock: systemClock, timeoutMs: 20_000 })
  return { store, machines, leases, refreshes, performing: new Map<number, End>() }
}
type Process = Awaited<ReturnType<typeof processOn>>

/** Three processes, of which some die and others begin. */
class Story {
  readonly living: Process[] = []
  readonly fences: number[] = []
  /** The most that performed a refresh at once, of those that lived. */
  worst = 0
  readonly #source = memory()
  readonly #draw: (limit: number) => number
  readonly #dead: Process[] = []
  readonly #waiting = new Set<Promise<unknown>>()

  constructor(seed: number) {
    this.#draw = drawing(seed)
  }

  async perform(steps: number): Promise<void> {
    for (const name of ['a', 'b', 'c']) this.living.push(await processOn(this.#source, name))
    this.#any().leases.acquireLease(KEY, Date.now() + HOUR)
    const acts: readonly (() => unknown)[] = [
      () => this.#refresh(this.#any()),
      () => this.#refresh(this.#any()),
      () => this.#end(this.#any(), { ok: true, token: 't', expiresAt: Date.now() + HOUR }),
      () => this.#end(this.#any(), { ok: false, observation: { httpStatus: 503 } }),
      () => this.#any().leases.observeCredentialFreshness(KEY),
      () => this.#any().machines.look(),
      () => this.#replace(this.#any()),
      () => new Promise(resolve => setImmediate(resolve)),
    ]
    for (let step = 0; step < steps; step += 1) await acts[this.#draw(acts.length)]?.()
    // Whoever performs is answered until nobody waits; what a dead one still brings is for nobody.
    while (this.#waiting.size > 0) {
      for (const one of [...this.living, ...this.#dead]) this.#end(one, { ok: true, token: 't' })
      await new Promise(resolve => setImmediate(resolve))
    }
  }

  #any(): Process {
    const one = this.living[this.#draw(this.living.length)]
    if (one === undefined) throw new Error('there are three')
    return one
  }

  #refresh(one: Process): void {
    const perform = ({ fence }: { readonly fence: number }): Promise<CredentialRefreshOutcome<string>> => {
      const { promise, resolve } = Promise.withResolvers<CredentialRefreshOutcome<string>>()
      this.fences.push(fence)
      one.performing.set(fence, resolve)
      const performing = this.living.map(each => each.performing.size)
      const atOnce = performing.reduce((sum, size) => sum + size, 0)
      this.worst = Math.max(this.worst, atOnce)
      return promise.finally(() => one.performing.delete(fence))
    }
    const read = (): Promise<string> => Promise.resolve('kept')
    const ended = one.refreshes
      .refresh(KEY, perform, undefined, read)
      .catch((error: unknown) => error)
      .finally(() => this.#waiting.delete(ended))
    this.#waiting.add(ended)
  }

  #end({ performing }: Process, outcome: CredentialRefreshOutcome<string>): void {
    for (const resolve of performing.values()) resolve(outcome)
  }

  async #replace(one: Process): Promise<void> {
    this.living.splice(this.living.indexOf(one), 1)
    this.#dead.push(one)
    await one.store.close()
    this.living.push(await processOn(this.#source, `p${this.#dead.length}`))
  }
}

test.each(Array.from({ length: 30 }, (_, seed) => seed + 1))('story %i', async seed => {
  const story = new Story(seed)
  await story.perform(60)
  expect(story.worst).toBeLessThanOrEqual(1)
  expect(story.fences).toEqual(story.fences.toSorted((a, b) => a - b))
  expect(new Set(story.fences).size).toBe(story.fences.length)
  await Promise.all(story.living.map(({ machines }) => machines.writePending()))
  await Promise.all(story.living.map(({ machines }) => machines.look()))
  const seen: readonly AuthLeaseSnapshot[] = story.living.map(({ leases }) => leases.snapshot(KEY))
  for (const each of seen) expect(each).toEqual(seen[0])
  expect(seen[0]?.phase).not.toBe('refreshing')
  await Promise.all(story.living.map(({ store }) => store.close()))
})
