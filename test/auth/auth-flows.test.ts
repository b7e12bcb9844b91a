import { inspect } from 'node:util'
import type { MeerkatError } from 'meerkat-ts'
import { ManualClock } from 'meerkat-ts/testing'
import { describe, expect, test } from 'vitest'
import { AuthLeaseHandle } from '../../src/auth/lease.ts'
import { AuthMachines, type LeaseKey } from '../../src/auth/machines.ts'
import { deviceFlowId, OAuthFlowHandle, type OAuthFlowHandleOptions } from '../../src/auth/oauth-flow.ts'
import {
  type BrowserFlowRecord,
  type DurableOAuthFlows,
  type OAuthFlowErrorReason,
  type OAuthFlowStore,
  recordsOf,
} from '../../src/auth/oauth-flow-records.ts'
import { flowRefOf } from '../../src/auth/oauth-flow-seal.ts'
import type { OAuthFlowId } from '../../src/kernel/auth/flows/state.ts'
import { OAUTH_FLOW_CAPACITY } from '../../src/kernel/auth/flows/table.ts'

const TARGET: LeaseKey = { realm: 'work', binding: 'openai' }
const OTHER: LeaseKey = { realm: 'work', binding: 'google' }
const TEN_MINUTES = 600_000
const login = {
  target: TARGET,
  provider: 'openai',
  redirectUri: 'http://127.0.0.1/cb',
  pkceVerifier: 'verifier-secret',
}
const right = { provider: 'openai', redirectUri: 'http://127.0.0.1/cb' }
const code = { target: TARGET, provider: 'openai', deviceCode: 'device-secret', expiresInMs: 60_000 }

/** A store that several processes share, and that can be made to fail. */
class SharedFlows implements OAuthFlowStore {
  revision = 0
  flows: DurableOAuthFlows = { browser: [], device: [] }
  failing: 'load' | 'swap' | 'hang' | undefined
  /** Happens once, between a look at the store and the word that follows it. */
  beforeSwap: (() => Promise<unknown>) | undefined

  load(): ReturnType<OAuthFlowStore['load']> {
    if (this.failing === 'load') return Promise.reject(new Error('disk gone'))
    return Promise.resolve({ revision: this.revision, flows: structuredClone(this.flows) })
  }

  async compareAndSwap(revision: number, flows: DurableOAuthFlows): Promise<boolean> {
    if (this.failing === 'swap') throw new Error('disk full')
    if (this.failing === 'hang') return new Promise(() => {})
    const before = this.beforeSwap
    this.beforeSwap = undefined
    await before?.()
    if (revision !== this.revision) return false
    this.revision++
    this.flows = structuredClone(flows)
    return true
  }

  get size(): number {
    return recordsOf(this.flows).length
  }
}

function processWith(store: OAuthFlowStore, clock: ManualClock, more: Partial<OAuthFlowHandleOptions> = {}) {
  const machines = new AuthMachines()
  const flows = new OAuthFlowHandle({ machines, store, clock, ...more })
  return { machines, flows, leases: new AuthLeaseHandle({ machines, clock }) }
}
function setUp(more: Partial<OAuthFlowHandleOptions> = {}) {
  const clock = new ManualClock()
  const store = new SharedFlows()
  return { clock, store, ...processWith(store, clock, more) }
}

/** Logins that other processes began, for a few credentials. */
function underWay(count: number, clock: ManualClock): readonly BrowserFlowRecord[] {
  const expiresAt = clock.now() + TEN_MINUTES
  return Array.from({ length: count }, (_, index) => ({
    kind: 'browser',
    provider: login.provider,
    redirectUri: login.redirectUri,
    target: { realm: 'work', binding: `b${index % 3}` },
    ref: `fl-${index}` as OAuthFlowId,
    sealed: '',
    expiresAt,
  }))
}

const failsWith = (reason: OAuthFlowErrorReason): MeerkatError =>
  expect.objectContaining({ name: 'MeerkatError', details: { reason } }) as MeerkatError

describe('a login in a browser', () => {
  test('is told apart by 32 random bytes, and lasts ten minutes', async () => {
    const { flows, clock } = setUp({ random: into => into.fill(255) })
    expect(await flows.startBrowserFlow(login)).toEqual({
      flowId: `st-${'_'.repeat(42)}8`,
      expiresAt: clock.now() + TEN_MINUTES,
    })
  })

  test('is completed once, by whom it was started for; what is wrong leaves it usable', async () => {
    const { flows, store } = setUp()
    const { flowId } = await flows.startBrowserFlow(login)
    const consume = (use: Parameters<typeof flows.consumeBrowserFlow>[1]) => flows.consumeBrowserFlow(flowId, use)
    await expect(consume({ ...right, redirectUri: 'http://evil/cb' })).rejects.toEqual(failsWith('RedirectUriMismatch'))
    await expect(consume({ ...right, provider: 'google' })).rejects.toEqual(failsWith('ProviderMismatch'))
    await expect(consume({ ...right, target: OTHER })).rejects.toEqual(failsWith('TargetMismatch'))
    await flows.verifyBrowserFlow(flowId, right)
    const flow = await consume({ ...right, target: TARGET })
    expect(flow.pkceVerifier.reveal()).toBe('verifier-secret')
    expect(store.size).toBe(0)
    await expect(consume(right)).rejects.toEqual(failsWith('Missing'))
  })

  test('is missing after ten minutes', async () => {
    const { flows, clock } = setUp()
    const { flowId } = await flows.startBrowserFlow(login)
    clock.advance(TEN_MINUTES - 1)
    await flows.verifyBrowserFlow(flowId, right)
    clock.advance(1)
    await expect(flows.consumeBrowserFlow(flowId, right)).rejects.toEqual(failsWith('Missing'))
  })

  test('is missing once it was called off, and calling off what is gone is no mistake', async () => {
    const { flows, store } = setUp()
    const { flowId } = await flows.startBrowserFlow(login)
    await flows.expireBrowserFlow(flowId)
    await flows.expireBrowserFlow(flowId)
    expect(store.size).toBe(0)
    await expect(flows.verifyBrowserFlow(flowId, right)).rejects.toEqual(failsWith('Missing'))
  })

  test('is got by one of two who come for it at once', async () => {
    const { flows } = setUp()
    const { flowId } = await flows.startBrowserFlow(login)
    const both = await Promise.allSettled([1, 2].map(() => flows.consumeBrowserFlow(flowId, right)))
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(both[1]).toMatchObject({ reason: failsWith('Missing') })
  })

  test('shows its secrets to nobody who only looks', async () => {
    const { flows } = setUp()
    const { flowId } = await flows.startBrowserFlow(login)
    const flow = await flows.consumeBrowserFlow(flowId, right)
    const shown = `${inspect(flow, { depth: 9, showHidden: true })} ${JSON.stringify(flow)} ${String(flow.pkceVerifier)}`
    expect(shown).not.toContain('verifier-secret')
    const error: unknown = await flows.consumeBrowserFlow(flowId, right).catch((caught: unknown) => caught)
    expect(inspect(error)).not.toContain(flowId)
  })

  test('can not begin without randomness', async () => {
    const broken = setUp({
      random: () => {
        throw new Error('no entropy')
      },
    })
    await expect(broken.flows.startBrowserFlow(login)).rejects.toEqual(failsWith('StateGenerationFailed'))
    const repeating = setUp({ random: into => into.fill(1) })
    await repeating.flows.startBrowserFlow(login)
    await expect(repeating.flows.startBrowserFlow(login)).rejects.toEqual(failsWith('StateGenerationFailed'))
  })

  test('number 1025 is refused until one of the others ends', async () => {
    const { flows, store, clock } = setUp()
    store.flows = { browser: underWay(OAUTH_FLOW_CAPACITY - 2, clock), device: [] }
    const { flowId } = await flows.startBrowserFlow(login)
    await flows.startDeviceFlow({ ...code, target: OTHER })
    for (const start of [
      () => flows.startBrowserFlow(login),
      () => flows.startDeviceFlow({ ...code, deviceCode: '2' }),
    ])
      await expect(start()).rejects.toMatchObject({
        code: 'overloaded',
        retryable: true,
        details: { reason: 'CapacityExceeded' },
      })
    expect(store.size).toBe(1024)
    await flows.consumeBrowserFlow(flowId, right)
    await flows.startBrowserFlow(login)
  })
})

describe('the copy on disk', () => {
  test('lets another process complete a login, and then it is gone for the first', async () => {
    const { flows, store, clock } = setUp()
    const { flowId } = await flows.startBrowserFlow(login)
    const second = processWith(store, clock)
    const flow = await second.flows.consumeBrowserFlow(flowId, right)
    expect(flow.pkceVerifier.reveal()).toBe('verifier-secret')
    await expect(flows.consumeBrowserFlow(flowId, right)).rejects.toEqual(failsWith('Missing'))
  })

  test('holds no secret: neither what proves a login nor what completes it', async () => {
    const { flows, store } = setUp()
    const { flowId } = await flows.startBrowserFlow(login)
    const device = await flows.startDeviceFlow(code)
    const kept = JSON.stringify(store.flows)
    for (const secret of [flowId, flowId.slice(3), device.flowId, 'verifier-secret', 'device-secret']) {
      expect(kept).not.toContain(secret)
      expect(kept).not.toContain(Buffer.from(secret).toString('base64url'))
    }
  })

  test('that somebody wrote another redirect into opens no secret', async () => {
    const { flows, store } = setUp()
    const { flowId } = await flows.startBrowserFlow(login)
    const [record] = store.flows.browser
    if (record === undefined) throw new Error('it was kept')
    const evil = { ...right, redirectUri: 'http://evil/cb' }
    const other = processWith(store, new ManualClock())
    store.flows = { browser: [{ ...record, redirectUri: evil.redirectUri }], device: [] }
    await expect(other.flows.consumeBrowserFlow(flowId, evil)).rejects.toEqual(failsWith('RegistryProjectionMissing'))
  })

  test('decides between two processes that come for a login at once', async () => {
    const { flows, store, clock } = setUp()
    const { flowId } = await flows.startBrowserFlow(login)
    const second = processWith(store, clock)
    store.beforeSwap = () => second.flows.consumeBrowserFlow(flowId, right)
    await expect(flows.consumeBrowserFlow(flowId, right)).rejects.toEqual(failsWith('Missing'))
  })

  test('keeps both of two logins that begin at once in two processes', async () => {
    const { flows, store, clock } = setUp()
    const second = processWith(store, clock)
    store.beforeSwap = () => second.flows.startBrowserFlow(login)
    const { flowId } = await flows.startBrowserFlow(login)
    expect(store.size).toBe(2)
    await second.flows.consumeBrowserFlow(flowId, right)
  })

  test('takes nothing above the capacity, however many processes there are', async () => {
    const { flows, store, clock } = setUp()
    store.flows = { browser: underWay(OAUTH_FLOW_CAPACITY - 1, clock), device: [] }
    const second = processWith(store, clock)
    store.beforeSwap = () => second.flows.startBrowserFlow(login)
    await expect(flows.startBrowserFlow(login)).rejects.toEqual(failsWith('CapacityExceeded'))
    expect(store.size).toBe(OAUTH_FLOW_CAPACITY)
  })

  test('that can not be written leaves a login usable', async () => {
    const { flows, store } = setUp()
    const { flowId } = await flows.startBrowserFlow(login)
    store.failing = 'swap'
    const failure = flows.consumeBrowserFlow(flowId, right)
    await expect(failure).rejects.toEqual(failsWith('PersistenceFailed'))
    await expect(failure).rejects.toMatchObject({ code: 'store-unavailable', retryable: true })
    store.failing = undefined
    await flows.consumeBrowserFlow(flowId, right)
  })

  test('that can not be written lets no login begin', async () => {
    const { flows, store, machines } = setUp()
    for (const failing of ['load', 'swap'] as const) {
      store.failing = failing
      await expect(flows.startBrowserFlow(login)).rejects.toEqual(failsWith('PersistenceFailed'))
    }
    expect(machines.stateOf(TARGET).flows.entries.size).toBe(0)
    store.failing = undefined
    await flows.startBrowserFlow(login)
  })

  test('that does not answer is given up after its time', async () => {
    const { flows, store, clock } = setUp({ storeTimeoutMs: 3_000 })
    store.failing = 'hang'
    const failure = flows.startBrowserFlow(login)
    // The first wait is for what is there, which answers; the second is for the write.
    await clock.idle()
    await clock.waiting(3_000)
    clock.advance(3_000)
    await expect(failure).rejects.toEqual(failsWith('PersistenceFailed'))
    store.failing = undefined
    await flows.startBrowserFlow(login)
  })
})

describe('a login on a device', () => {
  test('lives as long as the provider says, within reason', async () => {
    const { flows, clock } = setUp()
    for (const expiresInMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 86_400_001])
      await expect(flows.startDeviceFlow({ ...code, expiresInMs })).rejects.toEqual(failsWith('DeviceExpiryOutOfRange'))
    const { flowId, expiresAt } = await flows.startDeviceFlow(code)
    expect(expiresAt).toBe(clock.now() + 60_000)
    expect(flowId).toBe(deviceFlowId('device-secret'))
    expect(flowId).not.toContain('device-secret')
    clock.advance(60_000)
    await expect(flows.beginDevicePoll(flowId, code)).rejects.toEqual(failsWith('Missing'))
  })

  test('begins once for a device code, whichever credential it is for', async () => {
    const { flows } = setUp()
    await flows.startDeviceFlow(code)
    for (const target of [TARGET, OTHER])
      await expect(flows.startDeviceFlow({ ...code, target })).rejects.toEqual(failsWith('DeviceCodeAlreadyAdmitted'))
  })

  test('is asked about one question at a time', async () => {
    const { flows } = setUp()
    const { flowId } = await flows.startDeviceFlow(code)
    const ask = () => flows.beginDevicePoll(flowId, { provider: 'openai' })
    {
      using poll = await ask()
      expect(poll.flow).toMatchObject({ intervalMs: 5_000, provider: 'openai' })
      expect(poll.flow.deviceCode.reveal()).toBe('device-secret')
      await expect(ask()).rejects.toEqual(failsWith('DevicePollInProgress'))
    }
    const again = await ask()
    again.finish()
    again.finish()
    const last = await ask()
    again.finish()
    await expect(ask()).rejects.toEqual(failsWith('DevicePollInProgress'))
    await flows.consumeDeviceFlow(flowId, { provider: 'openai' })
    last.finish()
    await expect(ask()).rejects.toEqual(failsWith('Missing'))
  })

  test('is not completed by another provider, or as one in a browser', async () => {
    const { flows } = setUp()
    const { flowId } = await flows.startDeviceFlow(code)
    await expect(flows.consumeDeviceFlow(flowId, { provider: 'x' })).rejects.toEqual(failsWith('ProviderMismatch'))
    await expect(flows.consumeBrowserFlow(flowId, right)).rejects.toEqual(failsWith('Missing'))
    await flows.verifyDeviceFlow(flowId, { provider: 'openai', target: TARGET })
    await flows.expireDeviceFlow(flowId)
    await expect(flows.verifyDeviceFlow(flowId, { provider: 'openai' })).rejects.toEqual(failsWith('Missing'))
  })
})

describe('a release of the credential', () => {
  test('calls off its logins, in every process, and no others', async () => {
    const { flows, store, clock, leases, machines } = setUp()
    leases.acquireLease(TARGET)
    const mine = await flows.startBrowserFlow(login)
    const kept = await flows.startBrowserFlow({ ...login, target: OTHER })
    const second = processWith(store, clock)
    const theirs = await second.flows.startDeviceFlow(code)
    await leases.releaseLease(TARGET)
    expect(machines.stateOf(TARGET).lease.phase).toBe('released')
    expect(recordsOf(store.flows).map(({ ref }) => ref)).toEqual([flowRefOf(kept.flowId)])
    await expect(flows.consumeBrowserFlow(mine.flowId, right)).rejects.toEqual(failsWith('Missing'))
    await expect(second.flows.beginDevicePoll(theirs.flowId, code)).rejects.toEqual(failsWith('Missing'))
    await flows.consumeBrowserFlow(kept.flowId, right)
  })

  test('that can not be written goes on when it is repeated, and lets no login begin meanwhile', async () => {
    const { flows, store, leases } = setUp()
    leases.acquireLease(TARGET)
    const { flowId } = await flows.startBrowserFlow(login)
    store.failing = 'swap'
    await expect(leases.releaseLease(TARGET)).rejects.toEqual(failsWith('PersistenceFailed'))
    store.failing = undefined
    await expect(flows.startBrowserFlow(login)).rejects.toEqual(failsWith('LifecycleRejected'))
    await leases.releaseLease(TARGET)
    await expect(flows.verifyBrowserFlow(flowId, right)).rejects.toEqual(failsWith('Missing'))
    await flows.startBrowserFlow(login)
  })

  test('waits for a login that is beginning', async () => {
    const { flows, leases } = setUp()
    leases.acquireLease(TARGET)
    const [started] = await Promise.all([flows.startBrowserFlow(login), leases.releaseLease(TARGET)])
    await expect(flows.verifyBrowserFlow(started.flowId, right)).rejects.toEqual(failsWith('Missing'))
    expect(leases.snapshot(TARGET)).not.toHaveProperty('phase')
  })
})

test('a flow whose secrets are gone can not be completed, and says so', async () => {
  const { flows, machines, clock } = setUp()
  const flowId = 'st-known' as OAuthFlowId
  machines.apply(TARGET, {
    type: 'AdmitOAuthBrowserFlow',
    flowId: flowRefOf(flowId),
    ...right,
    expiresAt: clock.now() + TEN_MINUTES,
    observedGlobal: 0,
    capacity: OAUTH_FLOW_CAPACITY,
  })
  await expect(flows.consumeBrowserFlow(flowId, right)).rejects.toEqual(failsWith('RegistryProjectionMissing'))
})

test('nothing begins in a process that is ending', async () => {
  const { flows, machines } = setUp()
  machines.close()
  await expect(flows.startBrowserFlow(login)).rejects.toEqual(failsWith('LifecycleRejected'))
})
