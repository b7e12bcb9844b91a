/** The credentials that all sessions of a machine share: one registry, one authority of logins. */
import { MeerkatError } from '../errors.ts'
import { AuthLeaseHandle } from '../handles/auth-lease.ts'
import { AuthMachines, type AuthMachinesOptions } from '../handles/auth-machines.ts'
import { AuthRefreshCoordinator } from '../handles/auth-refresh.ts'
import type { OAuthFlowHandle } from '../handles/oauth-flow.ts'
import type { Clock } from '../time.ts'

export class MachineAuth {
  readonly #clock: Clock
  readonly #generated: AuthLeaseHandle
  /** The credentials of this machine, by their binding. */
  readonly machines: AuthMachines
  #lease: AuthLeaseHandle
  #refreshes: AuthRefreshCoordinator<string>
  #flows: OAuthFlowHandle | undefined

  constructor(clock: Clock, options: AuthMachinesOptions = {}) {
    this.#clock = clock
    this.machines = new AuthMachines(options)
    this.#generated = new AuthLeaseHandle({ machines: this.machines, clock })
    this.#lease = this.#generated
    this.#refreshes = this.#refreshesOf(this.#generated)
  }

  /** The handle in use: the machine's own, or the one a host has set. */
  authLeaseHandle(): AuthLeaseHandle {
    return this.#lease
  }

  /** The handle in use, as one session has it: behind its gate it only reads. One that a host has set keeps its own gate. */
  authLeaseHandleBehind(gate: { readonly closed: boolean }): AuthLeaseHandle {
    if (this.#lease !== this.#generated) return this.#lease
    return new AuthLeaseHandle({ machines: this.machines, clock: this.#clock, gate })
  }

  /** The machine's own. */
  generatedAuthLeaseHandle(): AuthLeaseHandle {
    return this.#generated
  }

  /** Uses the credentials of another machine or process from now on. */
  setAuthLeaseHandle(handle: AuthLeaseHandle): void {
    // Of the same credentials the refreshes under way stay shared.
    if (handle !== this.#lease) this.#refreshes = this.#refreshesOf(handle)
    this.#lease = handle
  }

  /** The same under the name by which runtimes share one. */
  setRuntimeAuthLeaseHandle(handle: AuthLeaseHandle): void {
    this.setAuthLeaseHandle(handle)
  }

  /** The same, with whoever keeps the logins under way of these credentials. */
  setAuthLeaseHandleWithOauthFlowAuthority(handle: AuthLeaseHandle, flows: OAuthFlowHandle): void {
    this.setAuthLeaseHandle(handle)
    this.#flows = flows
  }

  /** Access tokens renewed, one refresh a credential at a time, whoever of this machine's sessions asks. */
  authRefreshes(): AuthRefreshCoordinator<string> {
    return this.#refreshes
  }

  /** Who keeps logins under way. */
  oauthFlowAuthority(): OAuthFlowHandle {
    if (this.#flows !== undefined) return this.#flows
    throw new MeerkatError(
      'unsupported',
      'this machine keeps no logins: give it an OAuth flow authority with setAuthLeaseHandleWithOauthFlowAuthority',
    )
  }

  #refreshesOf(leases: AuthLeaseHandle): AuthRefreshCoordinator<string> {
    return new AuthRefreshCoordinator({ leases, clock: this.#clock })
  }
}
