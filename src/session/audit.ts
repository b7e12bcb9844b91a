/**
 * Re-runs the whole log of a session through the kernel.
 *
 * Every step is taken again, in pages between which other work gets its turn. Checking the invariants costs as much
 * as there is unfinished work. So with a long backlog they are not checked after every record, but as often as makes
 * checking cost about as much as stepping; where one is broken, a binary search finds the record that broke it.
 */

import { findBrokenInvariant } from '../driver/broken-invariant.ts'
import { knownSteps } from '../driver/load.ts'
import { messageOf } from '../foreign.ts'
import type { SessionId } from '../kernel/ids.ts'
import type { MeerkatInput } from '../kernel/inputs.ts'
import { meerkat } from '../kernel/machine.ts'
import { unfinishedCount } from '../kernel/regions/endings/table.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { Position } from '../store/records.ts'
import type { LogRow, Store } from '../store/store.ts'
import { nextTurn } from '../turns.ts'
import { rowsOf } from './log-pages.ts'
import type { AuditReport } from './views.ts'

export interface AuditOptions {
  /** Ends the audit; it fails with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Called now and then with how far the audit has come. */
  readonly onProgress?: ((progress: { readonly records: number; readonly steps: number }) => void) | undefined
}

type Illegal = NonNullable<AuditReport['firstIllegal']>

/** What a record asked of the kernel. */
interface Stepped {
  readonly position: Position
  readonly inputs: readonly MeerkatInput[]
}

/** At most this many records lie between two checks of the invariants. */
const LOOK_WITHIN = 2_048
/** Records between two reports of progress. */
const REPORT_EVERY = 1_000

/** Re-runs the whole log through the kernel. `unsupported` if a newer release wrote a part of it. */
export async function audit(
  store: Store,
  sessionId: SessionId,
  { signal, onProgress }: AuditOptions = {},
): Promise<AuditReport> {
  const auditor = new Auditor()
  for await (const row of rowsOf(store, { sessionId, signal })) {
    if (!(await auditor.take(row))) break
    if (auditor.records % REPORT_EVERY === 0) onProgress?.({ records: auditor.records, steps: auditor.steps })
  }
  return auditor.end()
}

/** Takes a session's records one by one. */
class Auditor {
  #state: MeerkatState = meerkat.initial
  /** The state at the last check of the invariants, and the records stepped since. */
  #sound: MeerkatState = meerkat.initial
  #since: Stepped[] = []
  #illegal: Illegal | undefined
  #broken = false
  #records = 0
  #steps = 0

  get records(): number {
    return this.#records
  }

  get steps(): number {
    return this.#steps
  }

  /** Takes a record; false once a step was illegal, because what follows an illegal step can't be judged. */
  async take(row: LogRow): Promise<boolean> {
    const { position, sessionId } = row
    const inputs = knownSteps(row, sessionId)
    const outcome = stepAll(this.#state, { position, inputs })
    this.#records++
    this.#steps += outcome.steps
    this.#state = outcome.state
    this.#illegal = outcome.illegal
    this.#since.push({ position, inputs })
    if (this.#illegal === undefined && !this.#isDue()) return true
    await this.#look()
    return this.#illegal === undefined && !this.#broken
  }

  async end(): Promise<AuditReport> {
    if (!this.#broken) await this.#look()
    if (this.#broken) return { ok: false, ...(await this.#search()) }
    if (this.#illegal !== undefined) return { ok: false, steps: this.#steps, firstIllegal: this.#illegal }
    return { ok: true, steps: this.#steps }
  }

  #isDue(): boolean {
    const { length } = this.#since
    return length >= LOOK_WITHIN || length * 2 >= unfinishedCount(this.#state)
  }

  async #look(): Promise<void> {
    this.#broken = (await findBrokenInvariant(this.#state)) !== undefined
    if (this.#broken) return
    this.#sound = this.#state
    this.#since = []
  }

  /** The first record after which an invariant does not hold, found by halving the records since the last check. */
  async #search(): Promise<{ readonly steps: number; readonly firstIllegal: Illegal }> {
    let [state, rest] = [this.#sound, this.#since]
    while (rest.length > 1) {
      await nextTurn()
      const half = rest.slice(0, Math.ceil(rest.length / 2))
      const after = half.reduce((before, stepped) => stepAll(before, stepped).state, state)
      if ((await findBrokenInvariant(after)) !== undefined) rest = half
      else [state, rest] = [after, rest.slice(half.length)]
    }
    const [culprit] = rest
    const behind = this.#since.slice(this.#since.findIndex(one => one === culprit) + 1)
    const position = culprit?.position ?? 0
    const step = culprit?.inputs.length ?? 0
    const made = culprit === undefined ? state : stepAll(state, culprit).state
    const { invariant, text } = (await findBrokenInvariant(made)) ?? NOTHING
    const firstIllegal = { position, step, input: 'invariant', kind: invariant, reason: text }
    return { steps: behind.reduce((left, { inputs }) => left - inputs.length, this.#steps), firstIllegal }
  }
}

const NOTHING = { invariant: 'unknown', text: 'an invariant did not hold for a while' }

function stepAll(
  before: MeerkatState,
  { position, inputs }: Stepped,
): { readonly state: MeerkatState; readonly steps: number; readonly illegal?: Illegal } {
  let state = before
  for (const [step, input] of inputs.entries()) {
    const made = stepOnce(state, input)
    if ('refusal' in made)
      return { state, steps: step + 1, illegal: { position, step, input: input.type, ...made.refusal } }
    state = made.state
  }
  return { state, steps: inputs.length }
}

/** The kernel trusts its inputs to have their types; one read from a damaged log may lack a field, and throw. */
function stepOnce(
  state: MeerkatState,
  input: MeerkatInput,
): { readonly state: MeerkatState } | { readonly refusal: { readonly kind: string; readonly reason: string } } {
  try {
    const result = meerkat.step(state, input)
    return result.ok ? { state: result.state } : { refusal: { kind: result.kind, reason: result.reason } }
  } catch (error) {
    return { refusal: { kind: 'malformed', reason: messageOf(error) } }
  }
}
