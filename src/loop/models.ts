/**
 * The session's model, and how it is changed. The kernel owns it: the model of the options is given to the kernel once, and
 * the options that `session/get` shows are updated from the kernel.
 */
import { defined } from '../defined.ts'
import type { SessionDriver } from '../driver/driver.ts'
import type { Transaction } from '../driver/transaction.ts'
import type { AskedModel, CalledModel, RunPort } from '../executor/executor.ts'
import type { InputId, RunId } from '../kernel/ids.ts'
import { entryOf } from '../kernel/regions/ledger/state.ts'
import type { LifecyclePhase } from '../kernel/regions/lifecycle/state.ts'
import type { Llm, RequestedModel, SessionLlm, SessionLlmCapabilitySurface } from '../kernel/regions/llm/state.ts'
import { modelRoutingStatus } from '../kernel/regions/routing/state.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { MessageRecord, SessionRecord } from '../store/records.ts'
import { abilitiesOf, identityOf, idOf, namedAbilities } from './abilities.ts'
import type { WorkJournal } from './work-journal.ts'

/** The journals of unfinished work, by head. */
export type Journals = ReadonlyMap<InputId, readonly MessageRecord[]>
type Models = Pick<MeerkatState, 'llm' | 'routing'>

/** The session's own model, by its id; undefined where its executor's default serves it. */
export function ownModel({ llm, routing: { baseline } }: Models): string | undefined {
  const named = llm.phase === 'unknown' ? undefined : llm.identity
  if (baseline === undefined || baseline.isDefault === true) return named && idOf(named)
  return named?.model === baseline.model ? idOf(named) : baseline.model
}

/** The model of the next call, and why. `named` is what the run's input asks for. */
export function modelAsked(state: Models, named: string | undefined): AskedModel {
  const asked = askedIn(state, named)
  return { ...asked, ...defined({ capabilities: abilitiesOf(state.llm, asked.id) }) }
}

function askedIn(state: Models, named: string | undefined): AskedModel {
  const { effective, source, override } = modelRoutingStatus(state)
  if (source === 'image' && effective !== undefined) return { id: effective.model, source }
  if (named !== undefined) return { id: named, source: 'input' }
  if (source === 'turn' && override !== undefined) {
    return { id: override.target.model, source, turnsLeft: override.remaining }
  }
  const id = ownModel(state)
  return id === undefined ? { source: 'default' } : { id, source: 'baseline' }
}

/** What a request to a model makes of the one that the input names, or that has the say otherwise. */
export function requestedOf(state: Models, named: string | undefined, called: CalledModel = {}): RequestedModel {
  const model = called.id ?? askedIn(state, named).id
  return defined({ model, surface: called.capabilities ?? namedAbilities(state.llm, model) })
}

/**
 * The model of the work's next model call. If a switch of the model is in force, the call is counted as one of its turns;
 * `check` refuses a run that is over.
 */
export async function modelOfTurn(
  driver: SessionDriver,
  work: WorkJournal,
  named: string | undefined,
  check: (tx: Transaction) => unknown,
): Promise<AskedModel> {
  const asked = modelAsked(driver.state, named)
  const { pending, override } = driver.state.routing
  const isSwitched = pending !== undefined || override !== undefined
  if (!isSwitched || asked.source === 'image' || asked.source === 'input') return asked
  const turn = turnName(work.head, turnsIn(work.messages))
  const admit = (tx: Transaction): AskedModel => {
    check(tx)
    tx.try({ type: 'AdmitModelRoutingAssistantTurn', turn })
    return modelAsked(tx.state, named)
  }
  // Lazy: it is written with the turn's first report. If the process dies before, the turn is repeated and counted once.
  return driver.mutate(admit, { lazy: true })
}

const turnName = (head: InputId, said: number): string => `${head}/${said}`
const turnsIn = (messages: readonly MessageRecord[] = []): number =>
  messages.filter(({ role }) => role === 'assistant').length

/**
 * Ends a switch with its last turn, so that a reader finds the model that answers next, and another switch may be asked for.
 * Level-triggered: the turn is over when its work is, or when that has a message more. The kernel ends a switch when one turn
 * more is admitted; a turn without a name was a host's, which admits the next one itself.
 */
export function endSwitch(tx: Transaction, journals: Journals): void {
  const { override, admitted } = tx.state.routing
  if (override?.remaining !== 1 || admitted === undefined) return
  const head = admitted.slice(0, admitted.lastIndexOf('/')) as InputId
  const isGoing = entryOf(tx.state.ledger, head) !== undefined
  if (isGoing && turnName(head, turnsIn(journals.get(head))) === admitted) return
  tx.try({ type: 'AdmitModelRoutingAssistantTurn', turn: `${admitted}/over` })
}

/**
 * Makes the model that answered in place of a failed one stay the session's model. Neither the transcript nor the session's
 * options mention it, because no caller asked for it.
 */
export function keepFallback(
  tx: Transaction,
  runId: RunId,
  { turn, attempt, model, capabilities: surface, code }: Parameters<RunPort['fellBack']>[0],
  named: string | undefined,
): void {
  const { id: from, source } = modelAsked(tx.state, named)
  const { llm } = tx.state
  const previous = llm.phase === 'unknown' ? {} : { previous: modelSeen(llm) }
  const identity = identityOf(model)
  const stays =
    (source === 'baseline' || source === 'default') &&
    tx.try({
      type: 'CommitStickyModelFallback',
      runId,
      retryAttempt: attempt,
      ...previous,
      identity,
      ...(surface && { surface, profile: { provider: identity.provider, model: identity.model } }),
    }).ok
  tx.event({
    type: 'model.fallback',
    runId,
    turn,
    data: { ...defined({ model, from, code }), ...(stays && { stays }) },
  })
  tx.try({ type: 'RetryRequested', runId, attempt })
}

function modelSeen(llm: Exclude<Llm, { readonly phase: 'unknown' }>): SessionLlm {
  return { identity: llm.identity, ...(llm.phase === 'resolved' && { surface: llm.surface }) }
}

const TAKES_MODEL: readonly LifecyclePhase[] = ['idle', 'attached', 'running', 'retired', 'stopped']

/** Sets the session's own model, or (`undefined`) its executor's default. */
export function setOwnModel(tx: Transaction, id: string | undefined, surface?: SessionLlmCapabilitySurface): void {
  const { registration, lifecycle, llm, routing } = tx.state
  // An unregistered session gets its model from its options when it is registered again.
  if (registration.sessionId === undefined || !TAKES_MODEL.includes(lifecycle.phase)) return
  const previous = ownModel(tx.state)
  const standsIn = llm.phase !== 'unknown' && llm.standsIn === true
  if (id === undefined) {
    if (previous === undefined) return
    tx.step({ type: 'ClearSessionLlmState' })
    tx.step({ type: 'SetModelRoutingBaseline', target: { model: DEFAULT, realtime: false, isDefault: true } })
  } else {
    if (previous === id && !standsIn && surface === undefined && routing.baseline !== undefined) return
    tx.step({ type: 'HydrateSessionLlmState', identity: identityOf(id), ...(surface && { surface }) })
    tx.step({ type: 'SetModelRoutingBaseline', target: { model: id, realtime: surface?.realtime ?? false } })
  }
  if (previous !== id) tx.event({ type: 'model.changed', data: defined({ model: id, previous }) })
}

/** Stands in the kernel for an executor's default model, whose name is not known. */
export const DEFAULT = 'default'

/**
 * Brings kernel and options to the same model. The kernel gets the model of the options if it has none: in a session of an
 * earlier release, or after a new registration. The options get the model that a host has set in the kernel. A model that
 * stands in for a failed one does not enter the options, because no caller asked for it.
 */
export function syncModel(tx: Transaction, committed: SessionRecord): void {
  const { registration, llm, routing } = tx.state
  if (registration.sessionId === undefined) return
  const session = tx.parts.changed.at(-1) ?? committed
  const { model: shown, ...others } = session.options
  if (llm.phase === 'unknown' && routing.baseline === undefined) {
    if (shown !== undefined) setOwnModel(tx, shown)
    return
  }
  if (llm.phase !== 'unknown' && llm.standsIn === true) return
  const model = ownModel(tx.state)
  if (model === shown) return
  const revision = (session.revision ?? 1) + 1
  tx.parts.changed.push({ ...session, options: { ...others, ...defined({ model }) }, revision })
  tx.event({ type: 'session.updated', data: { revision, changed: ['model'] } })
}
