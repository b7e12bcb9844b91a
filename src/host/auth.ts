/** The credentials that all sessions of a store share: one registry, and one authority of logins. */
import { AuthLeaseHandle } from '../auth/lease.ts'
import type { AuthMachines } from '../auth/machines.ts'
import type { OAuthFlowHandle } from '../auth/oauth-flow.ts'
import { AuthRefreshCoordinator } from '../auth/refresh.ts'
import type { SharedCredentials } from '../auth/shared.ts'
import type { Clock } from '../time.ts'

export class MachineAuth {
  readonly #clock: Clock
  readonly #shared: SharedCredentials
  /** The credentials of this machine's store, by their keys. */
  readonly machines: AuthMachines
  #lease: AuthLeaseHandle
  #refreshes: AuthRefreshCoordinator<string>
  #flows: OAuthFlowHandle

  constructor(clock: Clock, shared: SharedCredentials) {
    this.#clock = clock
    this.#shared = shared
    this.machines = shared.machines
    this.#lease = shared.leases
    this.#refreshes = shared.refreshes
    this.#flows = shared.flows
  }

  /** The handle in use: the machine's own, or the one that a host has set. */
  authLeaseHandle(): AuthLeaseHandle {
    return this.#lease
  }

  /**
   * The handle in use, for one session: once that session's gate is closed, it only reads. A handle that a host has set
   * keeps its own gate.
   */
  authLeaseHandleBehind(gate: { readonly closed: boolean }): AuthLeaseHandle {
    if (this.#lease !== this.#shared.leases) return this.#lease
    return new AuthLeaseHandle({ machines: this.machines, clock: this.#clock, gate })
  }

  /** The machine's own handle. */
  generatedAuthLeaseHandle(): AuthLeaseHandle {
    return this.#shared.leases
  }

  /** Uses the credentials of another machine or process from now on. */
  setAuthLeaseHandle(handle: AuthLeaseHandle): void {
    // With the same credentials, refreshes under way stay shared.
    if (handle !== this.#lease) this.#refreshes = this.#refreshesOf(handle)
    this.#lease = handle
  }

  /** The same, under the reference's name. */
  setRuntimeAuthLeaseHandle(handle: AuthLeaseHandle): void {
    this.setAuthLeaseHandle(handle)
  }

  /** The same, and uses this authority of logins. */
  setAuthLeaseHandleWithOauthFlowAuthority(handle: AuthLeaseHandle, flows: OAuthFlowHandle): void {
    this.setAuthLeaseHandle(handle)
    this.#flows = flows
  }

  /** Refreshes access tokens: one refresh at a time for a credential, for all sessions of this machine. */
  authRefreshes(): AuthRefreshCoordinator<string> {
    return this.#refreshes
  }

  /**
   * The authority of logins under way: the same for all machines of this store, in all processes, unless a host has set
   * another one.
   */
  oauthFlowAuthority(): OAuthFlowHandle {
    return this.#flows
  }

  #refreshesOf(leases: AuthLeaseHandle): AuthRefreshCoordinator<string> {
    return leases === this.#shared.leases
      ? this.#shared.refreshes
      : new AuthRefreshCoordinator({ leases, clock: this.#clock })
  }
}
