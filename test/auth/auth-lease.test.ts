import { ManualClock } from 'meerkat-ts/testing'
import { describe, expect, test } from 'vitest'
import { AuthLeaseHandle } from '../../src/auth/lease.ts'
import { type AuthAuditEntry, AuthMachines, type LeaseKey, leaseKeyText } from '../../src/auth/machines.ts'
import type { OAuthFlowId } from '../../src/kernel/auth/flows/state.ts'
import { OAUTH_FLOW_CAPACITY } from '../../src/kernel/auth/flows/table.ts'

const KEY: LeaseKey = { realm: 'work', binding: 'openai', profile: 'main' }
const HOUR = 3_600_000
const noTransition: unknown = expect.objectContaining({ name: 'DslTransitionError', kind: 'no-matching-transition' })
const guardRejected: unknown = expect.objectContaining({ name: 'DslTransitionError', kind: 'guard-rejected' })

function setUp() {
  const clock = new ManualClock()
  const audit: AuthAuditEntry[] = []
  const woken: string[] = []
  const machines = new AuthMachines({ audit: entry => audit.push(entry), wakeRefresh: key => woken.push(key) })
  return { clock, audit, woken, machines, leases: new AuthLeaseHandle({ machines, clock }) }
}

/** What a call throws. */
function thrown(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  return undefined
}

describe('a lease', () => {
  test('goes from valid over expiring and refreshing to valid again', () => {
    const { leases, clock, woken } = setUp()
    const expiresAt = clock.now() + HOUR
    expect(leases.acquireLease(KEY, expiresAt)).toEqual({ generation: 1, credentialPublishedAt: clock.now() })
    expect(leases.snapshot(KEY)).toEqual({
      phase: 'valid',
      credentialPresent: true,
      expiresAt,
      generation: 1,
      credentialPublishedAt: clock.now(),
    })
    clock.advance(HOUR - 60_000)
    leases.observeCredentialFreshness(KEY)
    expect(leases.snapshot(KEY).phase).toBe('valid')
    clock.advance(1)
    leases.observeCredentialFreshness(KEY)
    expect(leases.snapshot(KEY).phase).toBe('expiring')
    const { generation } = leases.beginRefresh(KEY)
    expect(woken).toEqual(['work:openai:main'])
    expect(leases.snapshot(KEY).phase).toBe('refreshing')
    const next = clock.now() + HOUR
    expect(leases.completeRefresh(KEY, next, { generation })).toMatchObject({ generation: 2 })
    expect(leases.snapshot(KEY)).toMatchObject({ phase: 'valid', expiresAt: next, generation: 2 })
  })

  test('says whether it may be used at this moment', () => {
    const { leases, clock } = setUp()
    expect(leases.resolveCredentialUse(KEY, 'use')).toBe('lease-absent')
    leases.acquireLease(KEY, clock.now() + HOUR)
    expect(leases.resolveCredentialUse(KEY, 'use')).toBe('authorized')
    clock.advance(HOUR - 30_000)
    expect(leases.resolveCredentialUse(KEY, 'use')).toBe('refresh-required')
    expect(leases.resolveCredentialUse(KEY, 'hold')).toBe('authorized')
    clock.advance(30_000)
    expect(leases.resolveCredentialUse(KEY, 'hold')).toBe('refresh-required')
    leases.beginRefresh(KEY)
    expect(leases.resolveCredentialUse(KEY, 'beginRefresh')).toBe('already-refreshing')
    leases.refreshFailed(KEY, { httpStatus: 401 })
    expect(leases.resolveCredentialUse(KEY, 'use')).toBe('reauth-required')
  })

  test('that two want to refresh is refreshed by one; the other is refused and finds the new credential', () => {
    const { leases } = setUp()
    leases.acquireLease(KEY)
    leases.markExpiring(KEY)
    const first = leases.beginRefresh(KEY)
    expect(thrown(() => leases.beginRefresh(KEY))).toEqual(noTransition)
    leases.completeRefresh(KEY, undefined, first)
    expect(leases.snapshot(KEY)).toMatchObject({ phase: 'valid', generation: 2 })
  })

  test('whose refresh fails for now is to be refreshed again, and for good needs a login', () => {
    const { leases } = setUp()
    leases.acquireLease(KEY)
    leases.beginRefresh(KEY)
    expect(leases.refreshFailed(KEY, { httpStatus: 500 })).toMatchObject({ phase: 'expiring' })
    expect(leases.snapshot(KEY)).toMatchObject({ phase: 'expiring', attempt: 1, credentialPresent: true })
    leases.beginRefresh(KEY)
    expect(leases.refreshFailed(KEY, { oauthError: 'invalid_grant' })).toMatchObject({ phase: 'reauthRequired' })
    expect(thrown(() => leases.beginRefresh(KEY))).toEqual(noTransition)
    leases.acquireLease(KEY)
    expect(leases.snapshot(KEY)).toMatchObject({ phase: 'valid', generation: 2 })
  })

  test('of a refresh that a login overtook is not changed by its end', () => {
    const { leases } = setUp()
    leases.acquireLease(KEY)
    const old = leases.beginRefresh(KEY)
    leases.acquireLease(KEY)
    leases.beginRefresh(KEY)
    expect(thrown(() => leases.completeRefresh(KEY, undefined, old))).toEqual(guardRejected)
    expect(leases.snapshot(KEY)).toMatchObject({ phase: 'refreshing', generation: 2 })
  })

  test('of which nobody heard is empty, and can be released but not refreshed', async () => {
    const { leases } = setUp()
    const empty = { credentialPresent: false, generation: 0 }
    expect(leases.snapshot(KEY)).toEqual(empty)
    leases.observeCredentialFreshness(KEY)
    for (const call of [
      () => leases.markExpiring(KEY),
      () => leases.beginRefresh(KEY),
      () => leases.completeRefresh(KEY),
      () => leases.refreshFailed(KEY, {}),
      () => leases.markReauthRequired(KEY),
    ])
      expect(thrown(call)).toEqual(noTransition)
    await leases.releaseLease(KEY)
    expect(leases.snapshot(KEY)).toEqual(empty)
  })

  test('is one of its own for each binding and profile', () => {
    const { leases } = setUp()
    leases.acquireLease(KEY)
    expect(leases.snapshot({ realm: 'work', binding: 'openai' })).toEqual({ credentialPresent: false, generation: 0 })
    expect(leaseKeyText({ realm: 'work', binding: 'openai' })).toBe('work:openai')
  })

  test.each([
    { realm: 'a:b', binding: 'c' },
    { realm: 'a', binding: '' },
    { realm: 'a', binding: 'b', profile: '../c' },
  ])('has a key of slugs, unlike %j', key => {
    const { leases } = setUp()
    expect(thrown(() => leases.acquireLease(key))).toMatchObject({ code: 'invalid-params' })
  })

  test('expires at a time that is a number', () => {
    const { leases } = setUp()
    expect(thrown(() => leases.acquireLease(KEY, Number.NaN))).toMatchObject({ details: { field: 'expiresAt' } })
    expect(leases.snapshot(KEY).generation).toBe(0)
  })
})

describe('a lifecycle that is put back', () => {
  test('is what it was before a login that came to nothing; the generation does not fall', () => {
    const { leases, clock } = setUp()
    leases.acquireLease(KEY, clock.now() + HOUR)
    leases.markExpiring(KEY)
    const before = leases.snapshot(KEY)
    leases.acquireLease(KEY, clock.now() + 2 * HOUR)
    expect(leases.restoreAuthLifecycleSnapshot(KEY, before)).toBe(true)
    expect(leases.snapshot(KEY)).toEqual({ ...before, generation: 2 })
  })
  test('is taken up by a new process, but not the refresh that was under way', () => {
    const { leases } = setUp()
    leases.acquireLease(KEY)
    leases.beginRefresh(KEY)
    const fresh = setUp().leases
    expect(fresh.restoreAuthLifecycleSnapshot(KEY, leases.snapshot(KEY))).toBe(true)
    expect(fresh.snapshot(KEY)).toEqual({ ...leases.snapshot(KEY), phase: 'expiring' })
    fresh.beginRefresh(KEY)
  })
  test('is passed over where there was no credential', () => {
    const { leases } = setUp()
    const { leases: other } = setUp()
    expect(leases.restoreAuthLifecycleSnapshot(KEY, other.snapshot(KEY))).toBe(false)
    leases.acquireLease(KEY)
    leases.clearCredentialLifecycle(KEY)
    expect(other.restoreAuthLifecycleSnapshot(KEY, leases.snapshot(KEY))).toBe(false)
    expect(other.snapshot(KEY)).toEqual({ credentialPresent: false, generation: 0 })
  })
  test('has counts that can be', () => {
    const { leases } = setUp()
    const snapshot = { phase: 'valid', credentialPresent: true, credentialPublishedAt: 1, generation: 0.5 } as const
    expect(thrown(() => leases.restoreAuthLifecycleSnapshot(KEY, snapshot))).toMatchObject({ code: 'invalid-params' })
  })
})

describe('the gate', () => {
  test('of a handle lets nothing change, and reads go on; other handles of the same leases go on, too', async () => {
    const { leases, machines, clock } = setUp()
    const gate = { closed: false }
    const gated = new AuthLeaseHandle({ machines, clock, gate })
    gated.acquireLease(KEY)
    gate.closed = true
    const before = leases.snapshot(KEY)
    for (const call of [
      () => gated.acquireLease(KEY),
      () => gated.markExpiring(KEY),
      () => gated.observeCredentialFreshness(KEY),
      () => gated.beginRefresh(KEY),
      () => gated.markReauthRequired(KEY),
      () => gated.clearCredentialLifecycle(KEY),
      () => gated.releaseCredentialLifecycle(KEY),
      () => gated.restoreAuthLifecycleSnapshot(KEY, before),
    ])
      expect(thrown(call)).toEqual(noTransition)
    await expect(gated.releaseLease(KEY)).rejects.toEqual(noTransition)
    expect(gated.snapshot(KEY)).toEqual(before)
    leases.markExpiring(KEY)
    expect(gated.snapshot(KEY).phase).toBe('expiring')
  })
  test('of the process closes all of them, known or not', () => {
    const { leases, machines } = setUp()
    leases.acquireLease(KEY)
    machines.close()
    expect(thrown(() => leases.markExpiring(KEY))).toEqual(noTransition)
    expect(thrown(() => leases.acquireLease({ realm: 'work', binding: 'new' }))).toEqual(noTransition)
    expect(leases.snapshot(KEY).phase).toBe('valid')
  })
})

describe('who watches', () => {
  test('hears of each transition what it was, and nothing else', () => {
    const { leases, audit } = setUp()
    leases.acquireLease(KEY)
    leases.observeCredentialFreshness(KEY)
    leases.beginRefresh(KEY)
    expect(audit).toEqual([
      { bindingKey: 'work:openai:main', action: 'Acquire', fromPhase: 'released', toPhase: 'valid' },
      { bindingKey: 'work:openai:main', action: 'BeginRefresh', fromPhase: 'valid', toPhase: 'refreshing' },
    ])
  })
  test('harms nobody by failing', () => {
    const machines = new AuthMachines({
      audit: () => {
        throw new Error('the log is full')
      },
    })
    const leases = new AuthLeaseHandle({ machines, clock: new ManualClock() })
    expect(leases.acquireLease(KEY)).toMatchObject({ generation: 1 })
  })
})

describe('a release', () => {
  const flowId = 'st-1' as OAuthFlowId
  function withFlow() {
    const set = setUp()
    set.leases.acquireLease(KEY)
    const flow = { flowId, provider: 'p', redirectUri: 'r', expiresAt: set.clock.now() + HOUR }
    const counts = { observedGlobal: 0, capacity: OAUTH_FLOW_CAPACITY }
    set.machines.apply(KEY, { type: 'AdmitOAuthBrowserFlow', ...flow, ...counts })
    return set
  }

  test('that an observer does not permit changes nothing', async () => {
    const { leases, machines } = withFlow()
    machines.observeReleases({ permit: () => Promise.reject(new Error('not now')) })
    await expect(leases.releaseLease(KEY)).rejects.toThrow('not now')
    expect(machines.stateOf(KEY).lease).toMatchObject({ phase: 'valid' })
    expect(machines.stateOf(KEY).lease).not.toHaveProperty('releaseDraining')
  })

  test('that stops half-way stays draining, and is done when it is repeated', async () => {
    const { leases, machines } = withFlow()
    let fails = true
    const pruned: (readonly OAuthFlowId[])[] = []
    let ended = 0
    machines.observeReleases({
      permit: () =>
        Promise.resolve({
          flows: () => Promise.resolve(['st-elsewhere' as OAuthFlowId]),
          prune: flowIds => {
            pruned.push(flowIds)
            return fails ? Promise.reject(new Error('disk full')) : Promise.resolve()
          },
          end: () => {
            ended++
          },
        }),
    })
    await expect(leases.releaseLease(KEY)).rejects.toThrow('disk full')
    expect(machines.stateOf(KEY).lease).toMatchObject({ phase: 'valid', releaseDraining: true })
    expect(machines.stateOf(KEY).flows.entries.size).toBe(1)
    fails = false
    await leases.releaseLease(KEY)
    expect(leases.snapshot(KEY)).toEqual({ credentialPresent: false, generation: 1 })
    expect(machines.stateOf(KEY).flows.entries.size).toBe(0)
    expect(pruned).toEqual([
      [flowId, 'st-elsewhere'],
      [flowId, 'st-elsewhere'],
    ])
    expect(ended).toBe(2)
    await expect(leases.releaseLease(KEY)).resolves.toEqual({ generation: 1 })
  })

  test('does not take a credential along that came meanwhile', async () => {
    const { leases, machines } = withFlow()
    machines.observeReleases({
      permit: () =>
        Promise.resolve({
          flows: () => Promise.resolve([]),
          prune: () => {
            leases.acquireLease(KEY)
            return Promise.resolve()
          },
          end: () => {},
        }),
    })
    await expect(leases.releaseLease(KEY)).rejects.toEqual(guardRejected)
    expect(leases.snapshot(KEY)).toMatchObject({ phase: 'valid', generation: 2 })
  })
})
