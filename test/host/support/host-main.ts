/**
 * A host process that does what its test says: a line of JSON with `id` and `act` on standard input, a line with the same
 * `id` and a `value` or an `error` on standard output. It tells of each refresh that it performs, and ends it as told.
 */
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { SessionClaim } from '../../../src/handles/session-claim.ts'
import type { HostInput } from '../../../src/host/admission.ts'
import { MeerkatMachine } from '../../../src/host/meerkat-machine.ts'
import type { OAuthFlowId } from '../../../src/kernel/auth/flows/state.ts'
import type { OperationId, SessionId } from '../../../src/kernel/ids.ts'
import { postgres } from '../../../src/store/postgres/index.ts'
import { sqlite } from '../../../src/store/sqlite/index.ts'
import { Deadline, systemClock } from '../../../src/time.ts'

export interface HostPlan {
  readonly store:
    | { readonly kind: 'sqlite'; readonly path: string }
    | { readonly kind: 'postgres'; readonly url: string; readonly schema: string }
  readonly leaseMs: number
}

/** What a test may ask for. */
export type Act =
  | { readonly act: 'login'; readonly expiresInMs?: number }
  | { readonly act: 'snapshot' }
  | { readonly act: 'release' }
  /** Waits at most so long. */
  | { readonly act: 'refresh'; readonly waitMs?: number }
  /** Ends the refresh that is performed: with a new token, or as failed for good. */
  | { readonly act: 'grant'; readonly token: string }
  | { readonly act: 'deny' }
  | { readonly act: 'begin-flow' }
  /** A claim of an identity: refused, or confirmed. */
  | { readonly act: 'claim' }
  | { readonly act: 'unclaim' }
  /** Whether the claim was lost. */
  | { readonly act: 'lost' }
  | { readonly act: 'complete-flow'; readonly flowId: string; readonly redirectUri?: string }
  /** Registers the session and offers it an input, which nobody runs here. */
  | { readonly act: 'offer'; readonly input: HostInput }
  /** Does work beside the session's turns, and ends it; nobody is told of it here. */
  | { readonly act: 'work'; readonly output: string }
  | { readonly act: 'close' }

const KEY = { realm: 'work', binding: 'openai' }
const S = 's' as SessionId
const REDIRECT = 'http://127.0.0.1/callback'

type Granted =
  | { readonly ok: true; readonly token: string; readonly expiresAt: number }
  | { readonly ok: false; readonly observation: { readonly httpStatus: number } }

const say = (line: object): void => void writeSync(1, `${JSON.stringify(line)}\n`)

class Host {
  readonly #machine: MeerkatMachine
  #claim: SessionClaim | undefined
  #ending: ((granted: Granted) => void) | undefined

  constructor(machine: MeerkatMachine) {
    this.#machine = machine
  }

  async do(asked: Act): Promise<unknown> {
    const leases = this.#machine.auth.authLeaseHandle()
    switch (asked.act) {
      case 'login':
        leases.acquireLease(KEY, Date.now() + (asked.expiresInMs ?? 3_600_000))
        return leases.stands(KEY)
      case 'snapshot':
        return leases.snapshot(KEY)
      case 'release':
        return leases.releaseLease(KEY)
      case 'refresh':
        return this.#refresh(asked)
      case 'grant':
        return this.#ending?.({ ok: true, token: asked.token, expiresAt: Date.now() + 3_600_000 })
      case 'deny':
        return this.#ending?.({ ok: false, observation: { httpStatus: 401 } })
      case 'offer':
        await this.#machine.registerSession(S)
        return this.#machine.acceptInput(S, asked.input)
      case 'work':
        return this.#work(asked.output)
      case 'close':
        return this.#machine.close()
      case 'begin-flow':
      case 'complete-flow':
        return this.#flow(asked)
      default:
        return this.#identity(asked.act)
    }
  }

  async #work(output: string): Promise<OperationId> {
    await this.#machine.registerSession(S)
    const registry = this.#machine.opsLifecycleRegistry(S)
    const id = await registry.register({ kind: 'background-tool-op', title: 'a job' })
    await registry.started(id)
    await registry.complete(id, { output })
    return id
  }

  async #identity(act: 'claim' | 'unclaim' | 'lost'): Promise<unknown> {
    if (act === 'lost') return this.#claim?.lost.aborted
    if (act === 'unclaim') return this.#claim?.release()
    const claim = this.#machine.sessionClaimHandle().tryAcquire(S)
    this.#claim = claim
    return claim.confirmed
  }

  async #flow(asked: Extract<Act, { readonly act: `${string}flow` }>): Promise<unknown> {
    const flows = this.#machine.auth.oauthFlowAuthority()
    switch (asked.act) {
      case 'begin-flow':
        return flows.startBrowserFlow({
          target: KEY,
          provider: 'openai',
          redirectUri: REDIRECT,
          pkceVerifier: 'secret-v',
        })
      case 'complete-flow': {
        const { flowId, redirectUri = REDIRECT } = asked
        const flow = await flows.consumeBrowserFlow(flowId as OAuthFlowId, { provider: 'openai', redirectUri })
        return { ...flow, pkceVerifier: flow.pkceVerifier.reveal() }
      }
    }
  }

  #refresh({ waitMs }: Extract<Act, { readonly act: 'refresh' }>): Promise<string> {
    const perform = (given: { readonly fence: number }): Promise<Granted> => {
      say({ told: 'performing', fence: given.fence })
      const { promise, resolve } = Promise.withResolvers<Granted>()
      this.#ending = resolve
      return promise
    }
    const deadline = waitMs === undefined ? undefined : Deadline.in(systemClock, waitMs)
    const read = (given: { readonly generation: number }): Promise<string> =>
      Promise.resolve(`kept at ${given.generation}`)
    return this.#machine.auth.authRefreshes().refresh(KEY, perform, deadline, read)
  }
}

async function main({ store, leaseMs }: HostPlan): Promise<void> {
  const source =
    store.kind === 'sqlite'
      ? sqlite(store.path, { leaseMs })
      : postgres(store.url, { schema: store.schema, leaseMs, max: 2 })
  const host = new Host(await MeerkatMachine.persistent(source))
  say({ told: 'ready' })
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, ...asked } = JSON.parse(line) as Act & { readonly id: number }
    host.do(asked as Act).then(
      value => say({ id, value: value ?? null }),
      (error: unknown) => {
        const { name, code, message, details, kind } = error as Record<string, unknown>
        say({ id, error: { name, code, message, details, kind } })
      },
    )
  }
}

await main(JSON.parse(process.argv[2] ?? '') as HostPlan)
