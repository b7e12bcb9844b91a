/**
 * Which model a session has, and how that is changed. The kernel owns it: the model that a session was opened with is named
 * to it once, and what `session/get` shows is written from there.
 */
import { defined } from '../defined.ts'
import type { SessionDriver } from '../driver/driver.ts'
import type { Transaction } from '../driver/transaction.ts'
import type { AskedModel, RunPort } from '../executor/executor.ts'
import type { RunId } from '../kernel/ids.ts'
import type { LifecyclePhase } from '../kernel/regions/lifecycle/state.ts'
import type { Llm, SessionLlm, SessionLlmCapabilitySurface, SessionLlmIdentity } from '../kernel/regions/llm/state.ts'
import { modelRoutingStatus } from '../kernel/regions/routing/state.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { SessionRecord } from '../store/records.ts'
import type { Work } from './work.ts'

type Models = Pick<MeerkatState, 'llm' | 'routing'>

/** The model of an id such as `openai/gpt-5.6`. An id without a provider is a name that the executor knows. */
export function identityOf(id: string): SessionLlmIdentity {
  const slash = id.indexOf('/')
  const isNamed = slash > 0 && slash < id.length - 1
  return isNamed ? { provider: id.slice(0, slash), model: id.slice(slash + 1) } : { provider: '', model: id }
}

function idOf({ provider, model }: SessionLlmIdentity): string {
  return provider === '' ? model : `${provider}/${model}`
}

/** The session's own model, by its id; undefined where its executor's default serves it. */
export function ownModel({ llm, routing: { baseline } }: Models): string | undefined {
  const named = llm.phase === 'unknown' ? undefined : llm.identity
  if (baseline === undefined || baseline.isDefault === true) return named && idOf(named)
  return named?.model === baseline.model ? idOf(named) : baseline.model
}

/** The model of the next call, and why. `named` is what the run's input asks for. */
export function modelAsked(state: Models, named: string | undefined): AskedModel {
  const { effective, source, override } = modelRoutingStatus(state)
  if (source === 'image' && effective !== undefined) return { id: effective.model, source }
  if (named !== undefined) return { id: named, source: 'input' }
  if (source === 'turn' && override !== undefined) {
    return { id: override.target.model, source, turnsLeft: override.remaining }
  }
  const id = ownModel(state)
  if (id === undefined) return { source: 'default' }
  return { id, source: 'baseline', ...(state.llm.phase === 'resolved' && { capabilities: state.llm.surface }) }
}

/** The model of the work's next message. Where a switch has a say, its turn is admitted with it; `check` refuses late ones. */
export async function modelOfTurn(
  driver: SessionDriver,
  work: Work,
  named: string | undefined,
  check: (tx: Transaction) => unknown,
): Promise<AskedModel> {
  const asked = modelAsked(driver.state, named)
  const { pending, override } = driver.state.routing
  const isSwitched = pending !== undefined || override !== undefined
  if (!isSwitched || asked.source === 'image' || asked.source === 'input') return asked
  const said = work.messages.filter(({ role }) => role === 'assistant').length
  const admit = (tx: Transaction): AskedModel => {
    check(tx)
    tx.try({ type: 'AdmitModelRoutingAssistantTurn', turn: `${work.head}/${said}` })
    return modelAsked(tx.state, named)
  }
  // It goes to disk with what the turn comes to: a turn that nobody wrote of is begun again, and not counted twice.
  return driver.mutate(admit, { lazy: true })
}

/**
 * Has the model that answered stay in the place of the session's own. The transcript says nothing of it; nor do the
 * session's options, for nobody asked for it.
 */
export function fallBack(
  tx: Transaction,
  runId: RunId,
  { turn, attempt, model, code }: Parameters<RunPort['fellBack']>[0],
  named: string | undefined,
): void {
  const { id: from, source } = modelAsked(tx.state, named)
  const { llm } = tx.state
  const previous = llm.phase === 'unknown' ? {} : { previous: seen(llm) }
  const stays =
    (source === 'baseline' || source === 'default') &&
    tx.try({
      type: 'CommitStickyModelFallback',
      runId,
      retryAttempt: attempt,
      ...previous,
      identity: identityOf(model),
    }).ok
  tx.event({
    type: 'model.fallback',
    runId,
    turn,
    data: { ...defined({ model, from, code }), ...(stays && { stays }) },
  })
  tx.try({ type: 'RetryRequested', runId, attempt })
}

function seen(llm: Exclude<Llm, { readonly phase: 'unknown' }>): SessionLlm {
  return { identity: llm.identity, ...(llm.phase === 'resolved' && { surface: llm.surface }) }
}

const NAMING: readonly LifecyclePhase[] = ['idle', 'attached', 'running', 'retired', 'stopped']

/** Gives the session another model of its own, or (`undefined`) its executor's default. */
export function nameModel(tx: Transaction, id: string | undefined, surface?: SessionLlmCapabilitySurface): void {
  const { registration, lifecycle, llm, routing } = tx.state
  // A session that nobody serves gets it from its options when it is registered again.
  if (registration.sessionId === undefined || !NAMING.includes(lifecycle.phase)) return
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

/** The name of a default that nobody says. */
export const DEFAULT = 'default'

/**
 * Has kernel and record say the same. A session whose options named a model before the kernel knew of models, or that was
 * registered anew, has it named now; what a host named joins the options. A model that stands in for one that failed
 * stays out of them: it is not what anybody asked for.
 */
export function syncModel(tx: Transaction, committed: SessionRecord): void {
  const { registration, llm, routing } = tx.state
  if (registration.sessionId === undefined) return
  const session = tx.parts.changed.at(-1) ?? committed
  const { model: shown, ...others } = session.options
  if (llm.phase === 'unknown' && routing.baseline === undefined) {
    if (shown !== undefined) nameModel(tx, shown)
    return
  }
  if (llm.phase !== 'unknown' && llm.standsIn === true) return
  const model = ownModel(tx.state)
  if (model === shown) return
  const revision = (session.revision ?? 1) + 1
  tx.parts.changed.push({ ...session, options: { ...others, ...defined({ model }) }, revision })
  tx.event({ type: 'session.updated', data: { revision, changed: ['model'] } })
}
