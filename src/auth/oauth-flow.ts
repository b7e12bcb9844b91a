/**
 * `OAuthFlowHandle`: logins under way, from sending a person to a provider until the person comes back.
 *
 * 1. The machine of the credential decides; this keeps the copy in the store, where secrets are sealed with the flow's
 *    id.
 * 2. A call with the wrong provider, redirect URI or target leaves the flow as it was.
 * 3. A flow is used once, by whichever process: it is used when its removal from the store succeeded, and not before.
 * 4. Calls are performed one after another, each over the newest state of the store.
 */
import { createHash } from 'node:crypto'
import type { MeerkatError } from '../errors.ts'
import type { RandomBytes } from '../ids.ts'
import { resolveOAuthFlowRefusal } from '../kernel/auth/classify.ts'
import type { OAuthFlowKind } from '../kernel/auth/flows/effect.ts'
import type { FlowsInput } from '../kernel/auth/flows/input.ts'
import type { OAuthFlowId } from '../kernel/auth/flows/state.ts'
import { flowOf, OAUTH_BROWSER_FLOW_TTL_MS, OAUTH_FLOW_CAPACITY } from '../kernel/auth/flows/table.ts'
import type { PollsInput } from '../kernel/auth/polls/input.ts'
import type { Clock } from '../time.ts'
import { refuseUnreadable } from '../unreadable.ts'
import {
  type AuthMachines,
  type LeaseKey,
  type LeaseReleaseObserver,
  type LeaseReleasePermit,
  leaseKeyText,
} from './machines.ts'
import { OAuthFlowLedger } from './oauth-flow-ledger.ts'
import {
  type BrowserFlowRecord,
  ConcealedText,
  type DeviceFlowRecord,
  type FlowRecord,
  factsOf,
  isFor,
  type OAuthFlowStore,
  oauthFlowError,
  recordsOf,
} from './oauth-flow-records.ts'
import { alreadyAdmitted, FLOW_REFUSALS, missingFlow, secretGone, shownFlow } from './oauth-flow-refusals.ts'
import { flowRefOf, sealSecret, unsealSecret } from './oauth-flow-seal.ts'

/** The longest life of a device flow, ms: an abandoned one must not occupy its place for ever. */
const MAX_DEVICE_TTL_MS = 86_400_000
/** How long to wait between two polls where the provider does not say, ms. */
const DEFAULT_POLL_INTERVAL_MS = 5_000
const STATE_BYTES = 32

/** A browser flow, for the code that exchanges the authorization code. No log shows its verifier. */
export interface BrowserFlow extends Omit<BrowserFlowRecord, 'ref' | 'sealed'> {
  readonly flowId: OAuthFlowId
  readonly pkceVerifier: ConcealedText
}
/** A device flow, for the code that polls the provider. No log shows its device code. */
export interface DeviceFlow extends Omit<DeviceFlowRecord, 'ref' | 'sealed'> {
  readonly flowId: OAuthFlowId
  readonly deviceCode: ConcealedText
}

/** What has to match the start of the flow. */
export interface DeviceFlowUse {
  readonly provider: string
  /** Default: the credential that it was started for. */
  readonly target?: LeaseKey
}
export interface BrowserFlowUse extends DeviceFlowUse {
  readonly redirectUri: string
}

/** A flow about to begin: its id, its secret, and the facts that are no secret. */
interface Beginning {
  readonly flowId: OAuthFlowId
  readonly secret: string
  readonly facts: Omit<BrowserFlowRecord, 'ref' | 'sealed'> | Omit<DeviceFlowRecord, 'ref' | 'sealed'>
}

export interface StartedFlow {
  /** Secret: it is enough to complete the flow. Of a browser flow it is the OAuth `state`. */
  readonly flowId: OAuthFlowId
  /** ms since the epoch. */
  readonly expiresAt: number
}

/** The right to poll a provider about a device flow. Only one caller has it at a time. */
export interface DevicePoll {
  readonly flow: DeviceFlow
  finish(): void
  [Symbol.dispose](): void
}

export interface OAuthFlowHandleOptions {
  readonly machines: AuthMachines
  readonly store: OAuthFlowStore
  readonly clock: Clock
  readonly random?: RandomBytes
  /** The longest wait for the store, ms; default 10 s. */
  readonly storeTimeoutMs?: number
}

/** The id of the device flow with this device code; the code can't be derived from it. */
export function deviceFlowId(deviceCode: string): OAuthFlowId {
  return `dv-${createHash('sha256').update(deviceCode).digest('base64url')}` as OAuthFlowId
}

export class OAuthFlowHandle implements LeaseReleaseObserver {
  readonly #machines: AuthMachines
  readonly #clock: Clock
  readonly #random: RandomBytes
  readonly #ledger: OAuthFlowLedger
  /**
   * The records of the flows that the machines know, by their names. Whenever a call begins, they are what the store
   * has.
   */
  readonly #held = new Map<OAuthFlowId, FlowRecord>()
  #tail: Promise<void> = Promise.resolve()

  /** Takes part in releases of leases from now on. */
  constructor({ machines, store, clock, random, storeTimeoutMs = 10_000 }: OAuthFlowHandleOptions) {
    this.#machines = machines
    this.#clock = clock
    this.#random = random ?? (into => crypto.getRandomValues(into))
    this.#ledger = new OAuthFlowLedger(store, clock, storeTimeoutMs)
    machines.observeReleases(this)
  }

  /** Begins a login in a browser. The flow lives for 10 minutes. */
  startBrowserFlow(
    flow: Pick<BrowserFlowRecord, 'target' | 'provider' | 'redirectUri'> & { readonly pkceVerifier: string },
  ): Promise<StartedFlow> {
    const { target, provider, redirectUri, pkceVerifier } = flow
    return this.#start(() => {
      const expiresAt = this.#clock.now() + OAUTH_BROWSER_FLOW_TTL_MS
      const facts = { kind: 'browser', target, provider, redirectUri, expiresAt } as const
      return { flowId: this.#mintState(), secret: pkceVerifier, facts }
    })
  }

  /** The flow, if its start matches; it stays usable. */
  verifyBrowserFlow(flowId: OAuthFlowId, use: BrowserFlowUse): Promise<BrowserFlow> {
    return this.#exclusively(() => this.#browser(flowId, use, 'VerifyOAuthBrowserFlow'))
  }

  /** The flow, if its start matches; it can't be used again. */
  consumeBrowserFlow(flowId: OAuthFlowId, use: BrowserFlowUse): Promise<BrowserFlow> {
    return this.#exclusively(async () => {
      const flow = this.#browser(flowId, use, 'ConsumeOAuthBrowserFlow')
      await this.#remove(flowId)
      return flow
    })
  }

  /** Calls a flow off; for one that is gone, nothing happens. */
  expireBrowserFlow(flowId: OAuthFlowId): Promise<void> {
    return this.#expire(flowId, 'browser')
  }

  /**
   * Begins a login with a code that the person enters on another device. The flow lives as long as the provider says,
   * at most a day.
   */
  startDeviceFlow(
    flow: Pick<DeviceFlowRecord, 'target' | 'provider'> & {
      readonly deviceCode: string
      readonly expiresInMs: number
      readonly intervalMs?: number
    },
  ): Promise<StartedFlow> {
    const { target, provider, deviceCode, expiresInMs, intervalMs = DEFAULT_POLL_INTERVAL_MS } = flow
    return this.#start(() => {
      if (!(expiresInMs > 0 && expiresInMs <= MAX_DEVICE_TTL_MS)) {
        const text = `a device flow lives for more than 0 and at most ${MAX_DEVICE_TTL_MS} ms, not ${expiresInMs}`
        throw oauthFlowError('DeviceExpiryOutOfRange', text)
      }
      const flowId = deviceFlowId(deviceCode)
      // Its machine knows only the flows of the same credential.
      if (this.#held.has(flowRefOf(flowId))) throw alreadyAdmitted()
      const expiresAt = this.#clock.now() + expiresInMs
      const facts = { kind: 'device', target, provider, intervalMs, expiresAt } as const
      return { flowId, secret: deviceCode, facts }
    })
  }

  /** The flow, if its start matches; it stays usable. */
  verifyDeviceFlow(flowId: OAuthFlowId, use: DeviceFlowUse): Promise<DeviceFlow> {
    return this.#exclusively(() => this.#device(flowId, use, 'VerifyOAuthDeviceFlow'))
  }

  /** The flow, if its start matches; it can't be used again. */
  consumeDeviceFlow(flowId: OAuthFlowId, use: DeviceFlowUse): Promise<DeviceFlow> {
    return this.#exclusively(async () => {
      const flow = this.#device(flowId, use, 'ConsumeOAuthDeviceFlow')
      await this.#remove(flowId)
      return flow
    })
  }

  /** Calls a flow off; for one that is gone, nothing happens. */
  expireDeviceFlow(flowId: OAuthFlowId): Promise<void> {
    return this.#expire(flowId, 'device')
  }

  /** Takes the right to poll the provider about this flow; `using` or a call gives it back. */
  beginDevicePoll(flowId: OAuthFlowId, use: DeviceFlowUse): Promise<DevicePoll> {
    return this.#exclusively(() => {
      const flow = this.#device(flowId, use, 'VerifyOAuthDeviceFlow')
      const ref = flowRefOf(flowId)
      this.#apply(flow.target, { type: 'BeginOAuthDevicePoll', flowId: ref })
      let isOver = false
      const finish = (): void => {
        if (isOver) return
        isOver = true
        this.#machines.apply(flow.target, { type: 'FinishOAuthDevicePoll', flowId: ref })
      }
      return { flow, finish, [Symbol.dispose]: finish }
    })
  }

  /** Holds up every other call until the release is over. */
  async permit(key: LeaseKey): Promise<LeaseReleasePermit> {
    const end = await this.#enter()
    return {
      flows: async () => {
        const records = recordsOf(await this.#ledger.read())
        return records.filter(record => isFor(record, key)).map(({ ref }) => ref)
      },
      prune: async refs => {
        await this.#ledger.remove(refs)
        for (const ref of refs) this.#held.delete(ref)
      },
      end,
    }
  }

  #start(make: () => Beginning): Promise<StartedFlow> {
    return this.#exclusively(async () => {
      const { flowId, secret, facts } = make()
      const ref = flowRefOf(flowId)
      const record = { ...facts, ref, sealed: sealSecret(secret, flowId, factsOf({ ...facts, ref })) }
      const refusedInput = this.#admit(record)
      if (refusedInput !== undefined) throw this.#refusal(record.target, refusedInput)
      const durableGlobal = await this.#ledger.add(record).catch((error: unknown) => {
        this.#forget(record)
        throw error
      })
      try {
        const capacity = OAUTH_FLOW_CAPACITY
        this.#apply(record.target, {
          type: 'ConfirmOAuthDurableAdmission',
          flowId: ref,
          durableGlobal,
          capacity,
        })
      } catch (error) {
        this.#forget(record)
        await this.#ledger.remove([ref])
        throw error
      }
      return { flowId, expiresAt: facts.expiresAt }
    })
  }

  #browser(
    flowId: OAuthFlowId,
    use: BrowserFlowUse,
    type: 'VerifyOAuthBrowserFlow' | 'ConsumeOAuthBrowserFlow',
  ): BrowserFlow {
    const { record, secret } = this.#heldFor(flowId, 'browser', use)
    const { ref, sealed: _, ...facts } = record
    const { provider, redirectUri } = use
    this.#apply(record.target, { type, flowId: ref, provider, redirectUri, now: this.#clock.now() })
    return { flowId, ...facts, pkceVerifier: new ConcealedText(secret) }
  }

  #device(
    flowId: OAuthFlowId,
    use: DeviceFlowUse,
    type: 'VerifyOAuthDeviceFlow' | 'ConsumeOAuthDeviceFlow',
  ): DeviceFlow {
    const { record, secret } = this.#heldFor(flowId, 'device', use)
    const { ref, sealed: _, ...facts } = record
    this.#apply(record.target, { type, flowId: ref, provider: use.provider, now: this.#clock.now() })
    return { flowId, ...facts, deviceCode: new ConcealedText(secret) }
  }

  #heldFor<Kind extends OAuthFlowKind>(
    flowId: OAuthFlowId,
    kind: Kind,
    { target }: DeviceFlowUse,
  ): { readonly record: Extract<FlowRecord, { readonly kind: Kind }>; readonly secret: string } {
    const ref = flowRefOf(flowId)
    const record = this.#held.get(ref)
    if (record?.kind !== kind) {
      const isKnown = this.#machines.states().some(state => flowOf(state, { flowId: ref }, kind) !== undefined)
      throw isKnown ? secretGone(flowId) : missingFlow(flowId)
    }
    if (target !== undefined && !isFor(record, target)) {
      const text = `the login ${shownFlow(flowId)} was not started for ${leaseKeyText(target)}`
      throw oauthFlowError('TargetMismatch', text)
    }
    const secret = unsealSecret(record.sealed, flowId, factsOf(record))
    if (secret === undefined) throw secretGone(flowId)
    return { record: record as Extract<FlowRecord, { readonly kind: Kind }>, secret }
  }

  /** After the machine gave the flow up: removes it from memory and store, or puts it back. */
  async #remove(flowId: OAuthFlowId): Promise<void> {
    const ref = flowRefOf(flowId)
    const record = this.#held.get(ref)
    this.#held.delete(ref)
    const removed = await this.#ledger.remove([ref]).catch((error: unknown) => {
      if (record !== undefined) this.#admit(record)
      throw error
    })
    // Another process used it between the read of the store and the write.
    if (removed === 0) throw missingFlow(flowId)
  }

  #expire(flowId: OAuthFlowId, kind: OAuthFlowKind): Promise<void> {
    return this.#exclusively(async () => {
      const record = this.#held.get(flowRefOf(flowId))
      if (record?.kind !== kind) return
      await this.#ledger.remove([record.ref])
      this.#forget(record)
    })
  }

  /** Admits the flow; where the machine refuses, answers the refused input. */
  #admit(record: FlowRecord): FlowsInput | undefined {
    const { ref, target, provider, expiresAt } = record
    const capacity = OAUTH_FLOW_CAPACITY
    const common = { flowId: ref, provider, expiresAt, observedGlobal: this.#held.size, capacity }
    const input: FlowsInput =
      record.kind === 'browser'
        ? { type: 'AdmitOAuthBrowserFlow', redirectUri: record.redirectUri, ...common }
        : { type: 'AdmitOAuthDeviceFlow', ...common }
    if (!this.#machines.apply(target, input).ok) return input
    this.#held.set(ref, record)
    return undefined
  }

  #forget({ ref, target, kind }: FlowRecord): void {
    this.#held.delete(ref)
    const type = kind === 'browser' ? 'ExpireOAuthBrowserFlow' : 'ExpireOAuthDeviceFlow'
    this.#machines.apply(target, { type, flowId: ref })
  }

  /** Takes over what other processes began or ended, and what has expired. */
  async #synchronise(): Promise<void> {
    const flows = await this.#ledger.read()
    const stored = new Map(recordsOf(flows).map(record => [record.ref, record] as const))
    for (const record of this.#held.values()) if (!stored.has(record.ref)) this.#forget(record)
    for (const record of stored.values()) {
      // A flow that is refused now (its lease is being released, or there are too many) is tried again the next time.
      if (!this.#held.has(record.ref)) this.#admit(record)
    }
  }

  #apply(target: LeaseKey, input: FlowsInput | PollsInput): void {
    if (!this.#machines.apply(target, input).ok) throw this.#refusal(target, input)
  }

  #refusal(target: LeaseKey, input: FlowsInput | PollsInput): MeerkatError {
    const [reason, text] = FLOW_REFUSALS[resolveOAuthFlowRefusal(this.#machines.stateOf(target), input)]
    return oauthFlowError(reason, `the login ${shownFlow(input.flowId)} is refused (${input.type}): ${text}`)
  }

  #mintState(): OAuthFlowId {
    const bytes = new Uint8Array(STATE_BYTES)
    try {
      this.#random(bytes)
    } catch (cause) {
      throw oauthFlowError('StateGenerationFailed', 'a login needs random bytes, and their source failed', cause)
    }
    const flowId = `st-${Buffer.from(bytes).toString('base64url')}` as OAuthFlowId
    if (!this.#held.has(flowRefOf(flowId))) return flowId
    throw oauthFlowError('StateGenerationFailed', 'the source of random bytes repeats itself')
  }

  async #exclusively<T>(work: () => T | Promise<T>): Promise<T> {
    const leave = await this.#enter()
    try {
      await this.#synchronise()
      return await work()
    } finally {
      leave()
    }
  }

  /** Waits for all earlier calls; answers a function that lets the next one begin. */
  async #enter(): Promise<() => void> {
    const before = this.#tail
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#tail = promise
    await before
    return resolve
  }
}
refuseUnreadable(OAuthFlowHandle)
