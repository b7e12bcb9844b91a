import { inspect } from 'node:util'
import { AuthMachines, AuthRefreshCoordinator, type LeaseKey, type PerformCredentialRefresh } from 'meerkat-ts/runtime'
import { ManualClock } from 'meerkat-ts/testing'
import { describe, expect, test } from 'vitest'
import { AuthLeaseHandle } from '../../src/auth/lease.ts'
import type { AuthAuditEntry } from '../../src/auth/machines.ts'
import { Deadline } from '../../src/time.ts'

const KEY: LeaseKey = { realm: 'work', binding: 'openai' }
const HOUR = 3_600_000

type Perform = PerformCredentialRefresh<string>
type Outcome = Awaited<ReturnType<Perform>>

/** A refresh that ends as and when a test says. */
function flight() {
  const end = Promise.withResolvers<Outcome>()
  const begun: Parameters<Perform>[0][] = []
  const perform: Perform = given => {
    begun.push(given)
    return end.promise
  }
  return { perform, begun, ...end }
}

/** A process with a lease that expires soon. */
function setUp() {
  const clock = new ManualClock()
  const audit: AuthAuditEntry[] = []
  const machines = new AuthMachines({ audit: entry => audit.push(entry) })
  const leases = new AuthLeaseHandle({ machines, clock })
  leases.acquireLease(KEY, clock.now() + HOUR)
  leases.markExpiring(KEY)
  const refreshes = new AuthRefreshCoordinator<string>({ leases, clock, timeoutMs: 1_000 })
  const begins = (): number => audit.filter(({ action }) => action === 'BeginRefresh').length
  return { clock, leases, machines, refreshes, begins }
}

const failsWith = (code: string, reason: string, retryable: boolean): unknown =>
  expect.objectContaining({
    name: 'MeerkatError',
    code,
    retryable,
    details: expect.objectContaining({ bindingKey: 'work:openai', reason }) as unknown,
  })

/** How each of them ended. */
async function ends(...asked: readonly Promise<string>[]): Promise<readonly unknown[]> {
  const settled = await Promise.allSettled(asked)
  return settled.map(one => (one.status === 'fulfilled' ? one.value : (one.reason as unknown)))
}

describe('a refresh', () => {
  test('whose answer makes no sense has failed, and may be asked for again', async () => {
    const { leases, refreshes } = setUp()
    for (const answer of [undefined, null, {}, { ok: false }, { ok: false, observation: null }, 'token']) {
      const asked = refreshes.refresh(KEY, () => Promise.resolve(answer as unknown as Outcome))
      await expect(asked).rejects.toEqual(failsWith('not-ready', 'refresh-failed', true))
      expect(leases.snapshot(KEY).phase).toBe('expiring')
    }
  })

  // Oracle 16 of the handles.
  test('that two want at once happens once, and both have its token', async () => {
    const { leases, refreshes, begins, clock } = setUp()
    const { perform, begun, resolve } = flight()
    const first = refreshes.refresh(KEY, perform)
    const second = refreshes.refresh(KEY, perform)
    // What the machine tells the late-comer, who therefore waits.
    expect(() => leases.beginRefresh(KEY)).toThrow(expect.objectContaining({ kind: 'no-matching-transition' }))
    resolve({ ok: true, token: 'new', expiresAt: clock.now() + 2 * HOUR })
    expect(await ends(first, second)).toEqual(['new', 'new'])
    expect(begun).toMatchObject([{ generation: 1 }])
    expect(begins()).toBe(1)
    expect(leases.snapshot(KEY)).toMatchObject({ phase: 'valid', generation: 2, expiresAt: clock.now() + 2 * HOUR })
  })

  test('after another has ended is one of its own', async () => {
    const { refreshes, begins } = setUp()
    const once = flight()
    once.resolve({ ok: true, token: 'one' })
    expect(await refreshes.refresh(KEY, once.perform)).toBe('one')
    const again = flight()
    again.resolve({ ok: true, token: 'two' })
    expect(await refreshes.refresh(KEY, again.perform)).toBe('two')
    expect(begins()).toBe(2)
  })

  test('of one lease does not wait for that of another', async () => {
    const { leases, refreshes } = setUp()
    const other: LeaseKey = { ...KEY, profile: 'second' }
    leases.acquireLease(other)
    const slow = flight()
    const held = refreshes.refresh(KEY, slow.perform)
    const quick = flight()
    quick.resolve({ ok: true, token: 'other' })
    expect(await refreshes.refresh(other, quick.perform)).toBe('other')
    slow.resolve({ ok: true, token: 'mine' })
    expect(await held).toBe('mine')
  })

  test('that fails for now fails for all who wait, and the next may begin', async () => {
    const { leases, refreshes } = setUp()
    const { perform, resolve } = flight()
    const asked = [refreshes.refresh(KEY, perform), refreshes.refresh(KEY, perform)]
    resolve({ ok: false, observation: { httpStatus: 503 } })
    const error = failsWith('not-ready', 'refresh-failed', true)
    expect(await ends(...asked)).toEqual([error, error])
    expect(leases.snapshot(KEY)).toMatchObject({ phase: 'expiring', attempt: 1, generation: 1 })
    const next = flight()
    next.resolve({ ok: true, token: 'new' })
    expect(await refreshes.refresh(KEY, next.perform)).toBe('new')
  })

  test('that begins in the moment in which another fails is shared like any other', async () => {
    const { refreshes } = setUp()
    const { perform, resolve } = flight()
    const next = flight()
    const retried = refreshes.refresh(KEY, perform).catch(() => refreshes.refresh(KEY, next.perform))
    resolve({ ok: false, observation: {} })
    await expect.poll(() => next.begun).toHaveLength(1)
    const shared = refreshes.refresh(KEY, next.perform)
    next.resolve({ ok: true, token: 'new' })
    expect(await ends(retried, shared)).toEqual(['new', 'new'])
    expect(next.begun).toHaveLength(1)
  })

  test('that throws fails for now, and says what was thrown', async () => {
    const { leases, refreshes } = setUp()
    const cause = new Error('connection reset')
    const [error] = await ends(refreshes.refresh(KEY, () => Promise.reject(cause)))
    expect(error).toEqual(failsWith('not-ready', 'refresh-failed', true))
    expect(error).toMatchObject({ cause })
    expect(leases.snapshot(KEY)).toMatchObject({ phase: 'expiring', attempt: 1 })
  })

  test.each([
    [
      { oauthError: 'invalid_grant', httpStatus: 400 },
      { oauthError: 'invalid_grant', httpStatus: 400 },
    ],
    [{ httpStatus: 401 }, { httpStatus: 401 }],
    [{ localCredentialUnusable: true }, {}],
  ])('that fails for good with %j asks all for a login, and no other begins', async (observation, told) => {
    const { leases, refreshes, begins } = setUp()
    const { perform, begun, resolve } = flight()
    const asked = [refreshes.refresh(KEY, perform), refreshes.refresh(KEY, perform)]
    resolve({ ok: false, observation })
    const error = failsWith('unauthorized', 'reauth-required', false)
    const [first, second] = await ends(...asked)
    expect([first, second]).toEqual([error, error])
    expect(first).toMatchObject({ details: told })
    expect(leases.snapshot(KEY).phase).toBe('reauthRequired')
    expect(await ends(refreshes.refresh(KEY, perform))).toEqual([error])
    expect(begun).toHaveLength(1)
    expect(begins()).toBe(1)
  })

  test('that takes too long is called off for all; what it brings later is not taken', async () => {
    const { clock, leases, refreshes } = setUp()
    const { perform, begun, resolve } = flight()
    const asked = [refreshes.refresh(KEY, perform), refreshes.refresh(KEY, perform)]
    clock.advance(1_000)
    const error = failsWith('not-ready', 'refresh-timeout', true)
    expect(await ends(...asked)).toEqual([error, error])
    expect(begun[0]?.signal.aborted).toBe(true)
    resolve({ ok: true, token: 'late' })
    const next = flight()
    const again = refreshes.refresh(KEY, next.perform)
    next.resolve({ ok: true, token: 'new' })
    expect(await again).toBe('new')
    expect(leases.snapshot(KEY)).toMatchObject({ phase: 'valid', generation: 2 })
  })

  test('is not ended by the deadline of one who waits for it', async () => {
    const { clock, refreshes } = setUp()
    const { perform, begun, resolve } = flight()
    const hurried = refreshes.refresh(KEY, perform, Deadline.in(clock, 100))
    const patient = refreshes.refresh(KEY, perform, Deadline.in(clock, 10_000))
    clock.advance(100)
    expect(await ends(hurried)).toEqual([failsWith('not-ready', 'refresh-timeout', true)])
    expect(begun[0]?.signal.aborted).toBe(false)
    resolve({ ok: true, token: 'new' })
    expect(await patient).toBe('new')
  })

  test('whose token has expired already fails, and leaves the lease to the next', async () => {
    const { clock, leases, refreshes } = setUp()
    const { perform, resolve } = flight()
    resolve({ ok: true, token: 'stale', expiresAt: clock.now() })
    expect(await ends(refreshes.refresh(KEY, perform))).toEqual([failsWith('not-ready', 'refresh-failed', true)])
    expect(leases.snapshot(KEY)).toMatchObject({ phase: 'expiring', generation: 1 })
  })

  test('that a login overtakes changes nothing of it', async () => {
    const { leases, refreshes } = setUp()
    const { perform, resolve } = flight()
    const old = refreshes.refresh(KEY, perform)
    leases.acquireLease(KEY)
    const next = flight()
    const anew = refreshes.refresh(KEY, next.perform)
    resolve({ ok: true, token: 'of the old login' })
    expect(await ends(old)).toEqual([failsWith('not-ready', 'overtaken', true)])
    expect(leases.snapshot(KEY)).toMatchObject({ phase: 'refreshing', generation: 2 })
    next.resolve({ ok: true, token: 'of the new login' })
    expect(await anew).toBe('of the new login')
  })

  test('of a released lease is refused, also when it was released meanwhile', async () => {
    const { leases, refreshes } = setUp()
    const { perform, begun, resolve } = flight()
    const under = [refreshes.refresh(KEY, perform), refreshes.refresh(KEY, perform)]
    await leases.releaseLease(KEY)
    resolve({ ok: true, token: 'nobody wants it' })
    const error = failsWith('unauthorized', 'lease-absent', false)
    expect(await ends(...under, refreshes.refresh(KEY, perform))).toEqual([error, error, error])
    expect(begun).toHaveLength(1)
    expect(leases.snapshot(KEY)).toEqual({ credentialPresent: false, generation: 1 })
  })

  test.each<readonly [string, (leases: AuthLeaseHandle) => unknown, string, string, boolean]>([
    ['is released', leases => leases.releaseLease(KEY), 'unauthorized', 'lease-absent', false],
    ['loses its credential', leases => leases.clearCredentialLifecycle(KEY), 'unauthorized', 'reauth-required', false],
    ['gets a login', leases => leases.acquireLease(KEY), 'not-ready', 'overtaken', true],
  ])('is called off at once for all who wait where its lease %s', async (_, happens, code, reason, retryable) => {
    const { leases, refreshes } = setUp()
    const { perform, begun } = flight()
    const asked = [refreshes.refresh(KEY, perform), refreshes.refresh(KEY, perform)]
    await happens(leases)
    const error = failsWith(code, reason, retryable)
    expect(await ends(...asked)).toEqual([error, error])
    expect(begun[0]?.signal.aborted).toBe(true)
  })

  test('is not ended by what comes of an older one of the same credential', async () => {
    const { leases, refreshes } = setUp()
    const noted = leases.snapshot(KEY)
    const older = flight()
    const newer = flight()
    const first = refreshes.refresh(KEY, older.perform)
    older.resolve({ ok: true, token: 'older' })
    leases.restoreAuthLifecycleSnapshot(KEY, noted)
    const second = refreshes.refresh(KEY, newer.perform)
    expect(await ends(first)).toEqual([failsWith('not-ready', 'overtaken', true)])
    expect(leases.snapshot(KEY)).toMatchObject({ phase: 'refreshing', generation: 1 })
    newer.resolve({ ok: true, token: 'newer' })
    expect(await second).toBe('newer')
    expect(leases.snapshot(KEY)).toMatchObject({ phase: 'valid', generation: 2 })
  })

  test('leaves no timer behind, and no failure that nobody hears', async () => {
    const { clock, leases, refreshes } = setUp()
    const unheard: unknown[] = []
    const hear = (error: unknown): void => void unheard.push(error)
    process.on('unhandledRejection', hear)
    try {
      const failing = flight()
      const hurried = refreshes.refresh(KEY, failing.perform, Deadline.in(clock, 100))
      clock.advance(100)
      await ends(hurried)
      failing.resolve({ ok: false, observation: {} })
      await expect.poll(() => leases.snapshot(KEY).phase).toBe('expiring')
      const late = flight()
      const asked = refreshes.refresh(KEY, late.perform)
      clock.advance(1_000)
      await ends(asked)
      late.reject(new Error('too late to matter'))
      const torn = refreshes.refresh(KEY, () => {
        leases.clearCredentialLifecycle(KEY)
        throw new Error('and nothing was sent')
      })
      expect(await ends(torn)).toEqual([failsWith('unauthorized', 'reauth-required', false)])
      await new Promise(resolve => setImmediate(resolve))
    } finally {
      process.off('unhandledRejection', hear)
    }
    expect(unheard).toEqual([])
    expect(clock.pending).toEqual([])
  })

  test('behind a closed gate is refused as such, not for want of a login', async () => {
    const { leases, machines, refreshes } = setUp()
    machines.close()
    const { perform, begun } = flight()
    expect(await ends(refreshes.refresh(KEY, perform))).toEqual([
      expect.objectContaining({ kind: 'no-matching-transition' }),
    ])
    expect(begun).toEqual([])
    expect(leases.snapshot(KEY).phase).toBe('expiring')
  })

  test('that somebody else has begun is not waited for in vain', async () => {
    const { leases, refreshes } = setUp()
    leases.beginRefresh(KEY)
    const { perform, begun } = flight()
    expect(await ends(refreshes.refresh(KEY, perform))).toEqual([failsWith('not-ready', 'refreshing-elsewhere', true)])
    expect(begun).toEqual([])
  })

  test('tells no token, whatever goes wrong', async () => {
    const { clock, leases, refreshes } = setUp()
    const { perform, resolve } = flight()
    resolve({ ok: true, token: 'sk-secret', expiresAt: clock.now() - 1 })
    const [error] = await ends(refreshes.refresh(KEY, perform))
    expect(inspect([error, refreshes, leases], { depth: 9, showHidden: true })).not.toContain('sk-secret')
  })
})
