/** The records of logins under way, the store that keeps them, and their errors. */
import { defined } from '../defined.ts'
import { type ErrorCode, MeerkatError } from '../errors.ts'
import type { OAuthFlowId } from '../kernel/auth/flows/state.ts'
import { type LeaseKey, leaseKeyText } from './machines.ts'

interface Kept {
  /** The name of the flow in machines and stores; the flow's id can't be derived from it. */
  readonly ref: OAuthFlowId
  readonly target: LeaseKey
  readonly provider: string
  /** From then on it can't be used, ms since the epoch. */
  readonly expiresAt: number
  /** Its PKCE verifier or device code, encrypted with its id. */
  readonly sealed: string
}
export interface BrowserFlowRecord extends Kept {
  readonly kind: 'browser'
  readonly redirectUri: string
}
export interface DeviceFlowRecord extends Kept {
  readonly kind: 'device'
  readonly intervalMs: number
}
export type FlowRecord = BrowserFlowRecord | DeviceFlowRecord

/** Every login under way in the processes that share a store. */
export interface DurableOAuthFlows {
  readonly browser: readonly BrowserFlowRecord[]
  readonly device: readonly DeviceFlowRecord[]
}

/** Keeps logins under way beyond a process, for all processes of a store. Either method may throw. */
export interface OAuthFlowStore {
  /** The present flows; at first none, at any revision. */
  load(): Promise<{ readonly revision: number; readonly flows: DurableOAuthFlows }>
  /** Writes all flows if nothing was written since that revision; answers whether it did. */
  compareAndSwap(revision: number, flows: DurableOAuthFlows): Promise<boolean>
}

export function recordsOf({ browser, device }: DurableOAuthFlows): readonly FlowRecord[] {
  return [...browser, ...device]
}

export function flowsFrom(records: readonly FlowRecord[]): DurableOAuthFlows {
  return {
    browser: records.filter(record => record.kind === 'browser'),
    device: records.filter(record => record.kind === 'device'),
  }
}

export function isFor({ target }: Kept, key: LeaseKey): boolean {
  return leaseKeyText(target) === leaseKeyText(key)
}

/** A secret text that neither logs nor errors show. */
export class ConcealedText {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  /** The text itself, for the one request that needs it. */
  reveal(): string {
    return this.#text
  }

  toString(): string {
    return '[concealed]'
  }

  toJSON(): string {
    return '[concealed]'
  }
}

const CODES = {
  /** Unknown, already used, or expired. */
  Missing: 'not-found',
  /** The machine knows the flow, and its stored secret is gone. */
  RegistryProjectionMissing: 'not-found',
  ProviderMismatch: 'rejected',
  RedirectUriMismatch: 'rejected',
  TargetMismatch: 'rejected',
  StateGenerationFailed: 'internal',
  DevicePollInProgress: 'conflict',
  DeviceCodeAlreadyAdmitted: 'conflict',
  DeviceExpiryOutOfRange: 'invalid-params',
  CapacityExceeded: 'overloaded',
  /** The lease is being released, or the process is ending. */
  LifecycleRejected: 'conflict',
  PersistenceFailed: 'store-unavailable',
} as const satisfies { readonly [Reason: string]: ErrorCode }

/** Why a call about a login under way failed: `details.reason` of its error. */
export type OAuthFlowErrorReason = keyof typeof CODES

export function oauthFlowError(reason: OAuthFlowErrorReason, message: string, cause?: unknown): MeerkatError {
  return new MeerkatError(CODES[reason], message, { details: { reason }, ...defined({ cause }) })
}

/**
 * The facts of a flow that are no secret, as one text: its secret can only be decrypted together with the same facts.
 */
export function factsOf(record: Omit<BrowserFlowRecord, 'sealed'> | Omit<DeviceFlowRecord, 'sealed'>): string {
  const { ref, target, provider, expiresAt } = record
  const more = record.kind === 'browser' ? record.redirectUri : record.intervalMs
  return JSON.stringify([record.kind, ref, leaseKeyText(target), provider, expiresAt, more])
}
