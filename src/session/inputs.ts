/** Admits inputs to the kernel, with the checks of their content and idempotency key. */

import { defined } from '../defined.ts'
import { KernelRejection } from '../driver/kernel-rejection.ts'
import type { Transaction } from '../driver/transaction.ts'
import { MeerkatError } from '../errors.ts'
import type { MeerkatEffect } from '../kernel/effects.ts'
import type { InputId } from '../kernel/ids.ts'
import type { AcceptInput } from '../kernel/regions/ledger/input.ts'
import type { InputKind, LedgerEntry } from '../kernel/regions/ledger/state.ts'
import { phaseShown } from '../kernel/regions/lifecycle/state.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { Content, InputRecord } from '../store/records.ts'
import type { SendParams } from './api.ts'
import { digestOfJson } from './digest.ts'
import type { LiveSession } from './live-session.ts'
import { type PeerConsequences, recordedContent } from './peer-input.ts'
import type { InputStatus } from './views.ts'

/** Identifies the content of an input, so that an idempotency key can't be bound to two contents. */
function digestOf(params: SendParams): string {
  const { content, mode, supersessionKey, outputSchema, model, maxRunMs } = params
  return digestOfJson([content, mode ?? 'queue', supersessionKey, outputSchema, model, maxRunMs])
}

/** Identifies what a peer said, by whatever way it arrived. */
export function digestOfSaid(content: Content): string {
  return digestOfJson([content])
}

/** The input that a key is bound to. `once`: the key was derived from what a peer said, not given by the sender. */
export interface Seen {
  readonly inputId: InputId
  readonly digest: string
  readonly once?: boolean
}

/** What admission answers: a new input, or the one that the key is bound to. */
export interface Admitted {
  readonly outcome: 'accepted' | 'deduplicated'
  readonly inputId: InputId
}

/** What kind of input it is. Absent: a prompt of a user. */
export type InputNature = Pick<
  AcceptInput,
  'kind' | 'origin' | 'durability' | 'intent' | 'withoutWake' | 'continuation' | 'injectsContext' | 'malformedTerminal'
>

/**
 * Offers an input to the kernel within a transaction, with what a peer's input means for others. Refusals throw.
 */
export function admit(
  tx: Transaction,
  live: LiveSession,
  id: InputId,
  params: SendParams,
  seen: Seen | undefined,
  nature: InputNature = {},
  besides: PeerConsequences = {},
): Admitted {
  const { mode = 'queue', idempotencyKey, supersessionKey } = params
  demandTakable(live, params.content)
  if (params.resume === true && tx.state.lifecycle.phase === 'stopped') tx.step({ type: 'Resume' })
  const result = tx.try(
    seen === undefined
      ? {
          type: 'AcceptInput',
          inputId: id,
          at: tx.at,
          ...nature,
          ...(mode !== 'queue' && { mode }),
          ...defined({ supersessionKey }),
          mostUnfinished: live.maxQueuedInputs,
        }
      : {
          type: 'ResolveAdmissionIdempotency',
          inputId: id,
          seen: { inputId: seen.inputId, sameContent: seen.digest === digestAsked(seen, params) },
        },
  )
  if (!result.ok) throw closedFor(tx.state) ?? new KernelRejection(result, tx.state)
  const verdict = verdictOf(result.effects, seen?.once === true ? besides.once : idempotencyKey)
  if (verdict !== undefined) return verdict
  keepAdmitted(tx, live, { inputId: id, kind: nature.kind, params, besides }, result.effects)
  return { outcome: 'accepted', inputId: id }
}

/** How many requests of peers a session counts as unanswered: a session that answers none must not grow without bound. */
const MOST_OWED = 1_000

interface AdmittedInput {
  readonly inputId: InputId
  readonly kind: InputKind | undefined
  readonly params: SendParams
  readonly besides: PeerConsequences
}

/**
 * Records an input that the kernel admitted, binds its keys to it, and tells the kernel what a peer's input means for
 * requests. `effects`: those of the step that admitted it.
 */
export function keepAdmitted(
  tx: Transaction,
  live: Pick<LiveSession, 'keep'>,
  { inputId, kind, params, besides: { once, interaction } }: AdmittedInput,
  effects: readonly MeerkatEffect[],
): void {
  const { inputs, keys } = tx.parts
  const { idempotencyKey: key, content } = params
  const record = recordOf(params, inputId, tx.at, kind)
  inputs.push(record)
  live.keep(record)
  if (key !== undefined) keys.push({ key, inputId, digest: digestOf(params) })
  if (once !== undefined) keys.push({ key: once, inputId, digest: digestOfSaid(content) })
  const accepted = effects.find(effect => effect.type === 'InputAccepted')
  if (interaction === undefined || accepted === undefined) return
  const step = interaction(accepted.lane)
  if (step.type === 'PeerRequestReceived' && tx.state.interactions.inbound.size >= MOST_OWED) return
  // The kernel refuses an answer to a request that the session never sent, and a request that is owed already because
  // it came before or its host entered it: neither needs anything more.
  tx.try(step)
}

function digestAsked({ once }: Seen, params: SendParams): string {
  return once === true ? digestOfSaid(params.content) : digestOf(params)
}

/** Refuses files where the runtime is configured to take none. */
export function demandTakable(live: LiveSession, content: Content): void {
  if (live.takesFiles || typeof content === 'string' || content.every(({ type }) => type !== 'file')) return
  throw new MeerkatError('unsupported', 'files are not taken here: send text, or open the machine with `persistent`')
}

function recordOf(params: SendParams, id: InputId, at: number, kind: InputKind = 'prompt'): InputRecord {
  const content = recordedContent(kind, params.content)
  const { mode = 'queue', idempotencyKey, supersessionKey, outputSchema, model, maxRunMs } = params
  const { traceparent } = params
  return {
    id,
    at,
    mode,
    kind,
    content,
    ...defined({ idempotencyKey, supersessionKey, outputSchema, model, maxRunMs, traceparent }),
  }
}

/** Where the session takes no input in, that is what the sender has to be told. */
function closedFor(state: MeerkatState): MeerkatError | undefined {
  const { lifecycle, registration } = state
  if (registration.phase === 'draining') {
    const message = 'the host of the session is leaving it: ask again in a moment'
    const details = { phase: phaseShown(state.lifecycle), draining: true }
    return new MeerkatError('not-ready', message, { retryable: true, details })
  }
  const phase = lifecycle.phase === 'running' ? lifecycle.preRun : lifecycle.phase
  const way = WAYS_OUT[phase]
  if (way === undefined) return undefined
  return new MeerkatError('not-ready', `the session is ${phase} and takes no new input: ${way}`, { details: { phase } })
}

const WAYS_OUT: Readonly<Record<string, string>> = {
  stopped: 'resume it, or send with `resume: true`',
  retired: 'reset it, or open another one',
  destroyed: 'open another one',
}

function verdictOf(effects: readonly MeerkatEffect[], key: string | undefined): Admitted | undefined {
  const [first] = effects
  switch (first?.type) {
    case 'AdmissionDeduplicated':
      return { outcome: 'deduplicated', inputId: first.existing }
    case 'IdempotencyConflicted': {
      const message = `idempotency key "${key}" is bound to another content (input ${first.existing}); use a new key for a new message`
      throw new MeerkatError('idempotency-conflict', message, { details: { key, inputId: first.existing } })
    }
    case 'AdmissionRejected':
      if (first.reason === 'overloaded') throw overloaded()
      throw new MeerkatError('rejected', `the input was refused: ${first.reason}`, {
        details: { kind: 'admission', reason: first.reason },
      })
    default:
      return undefined
  }
}

/** When a sender that was refused should try again: turns take seconds. */
const RETRY_AFTER_MS = 1_000

function overloaded(): MeerkatError {
  const message =
    'the session has as many unfinished inputs as it may (maxQueuedInputs): send again when it has less to do'
  return new MeerkatError('overloaded', message, { details: { retryAfterMs: RETRY_AFTER_MS } })
}

export function statusOf(entry: LedgerEntry | undefined): InputStatus {
  if (entry === undefined || entry.status === 'carried') return 'queued'
  return entry.status
}

export function inputNotFound(sessionId: string, inputId: string): MeerkatError {
  return new MeerkatError(
    'input-not-found',
    `session ${sessionId} has no input ${inputId}: \`input/list\` lists its inputs`,
    {
      details: { sessionId, inputId },
    },
  )
}
