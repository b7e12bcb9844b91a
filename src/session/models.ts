/**
 * The model of a session: what is known of it, what its owner is asked about it, and what an executor says of models.
 */
import { defined } from '../defined.ts'
import type { Transaction } from '../driver/transaction.ts'
import { MeerkatError } from '../errors.ts'
import type { CoreExecutor, ExecutorModels } from '../executor/executor.ts'
import { jsonOf, unheard, wellFormed } from '../foreign.ts'
import type { SessionId } from '../kernel/ids.ts'
import type { SessionLlmCapabilitySurface, SessionLlmIdentity } from '../kernel/regions/llm/state.ts'
import type { RoutingApproval } from '../kernel/regions/routing/input.ts'
import { modelRoutingStatus, type SwitchDenial } from '../kernel/regions/routing/state.ts'
import type { MeerkatState } from '../kernel/state.ts'
import { abilitiesSaid, identityOf } from '../loop/abilities.ts'
import { DEFAULT, modelAsked, ownModel } from '../loop/models.ts'
import { MAX_ID_CHARS, PRINTABLE } from '../names.ts'
import type { LetterId } from '../store/mail.ts'
import { closing } from './claims.ts'
import type { Core } from './core.ts'
import type { LiveSession } from './live-session.ts'
import type { ModelView } from './views.ts'

export async function modelView(core: Core, sessionId: string): Promise<ModelView> {
  const state = await core.state(sessionId)
  const { pending, override, images, recent } = modelRoutingStatus(state)
  const asked = modelAsked(state, undefined)
  const byDefault = modelsOf(core.serving.of(sessionId as SessionId))?.default
  const model = asked.id ?? byDefault
  const { llm } = state
  return {
    source: asked.source === 'input' ? 'baseline' : asked.source,
    ...defined({ model, capabilities: asked.capabilities, own: ownModel(state), default: byDefault }),
    ...(model !== undefined && { identity: identityShown(state, model) }),
    ...(llm.phase !== 'unknown' && llm.standsIn && { standsIn: true as const }),
    ...(override && {
      override: { requestId: override.requestId, model: override.target.model, turnsLeft: override.remaining },
    }),
    ...(pending && {
      pending: {
        requestId: pending.requestId,
        model: pending.target.model,
        ...('turns' in pending && { turns: pending.turns }),
      },
    }),
    images: images.map(({ operationId, target, phase }) => ({ operationId, model: target.model, phase })),
    recent: recent.map(end => ({
      type: end.type,
      id: end.id,
      outcome: end.terminal,
      ...('denial' in end && { reason: end.denial }),
    })),
  }
}

/** The identity as it was given, with a host's additions; of another model only what its id says is known. */
function identityShown(state: MeerkatState, model: string): SessionLlmIdentity {
  const { llm } = state
  return llm.phase !== 'unknown' && ownModel(state) === model ? llm.identity : identityOf(model)
}

const SWITCH_TURNS = 'RequestFiniteSwitchTurn'

export interface SwitchParams {
  readonly requestId: string
  readonly model: string
  readonly turns: number
}

/**
 * Asks the kernel for another model for some turns; `rejected` says why that is refused. The owner's answer may travel
 * in a letter.
 */
export async function switchForTurns(
  core: Core,
  live: LiveSession,
  { requestId, model, turns }: SwitchParams,
  letter: LetterId | undefined,
): Promise<true> {
  const surface = await knownModel(core, live.id, model)
  const approval = await approvalOf(core, { sessionId: live.id, model, turns })
  const byDefault = modelsOf(core.serving.of(live.id))?.default ?? DEFAULT
  const ask = (tx: Transaction): SwitchDenial | undefined => {
    tx.performs(letter)
    if (tx.state.routing.baseline === undefined) {
      // A switch has to know which model to go back to. If that is the executor's default, it stays "the default", even
      // if the default changes meanwhile.
      const { llm } = tx.state
      const target =
        llm.phase === 'unknown'
          ? { model: byDefault, realtime: false, isDefault: true as const }
          : { model: llm.identity.model, realtime: llm.phase === 'resolved' && llm.surface.realtime }
      tx.step({ type: 'SetModelRoutingBaseline', target })
    }
    const target = { model, realtime: surface?.realtime ?? false }
    tx.step({ type: SWITCH_TURNS, requestId, target, turns, approval })
    return denialOf(tx.state, requestId)
  }
  const denial = await live.driver.mutate(ask)
  if (denial !== undefined) throw denied(live.id, requestId, denial, approval)
  return true
}

/** The result of a switch that was asked for before. */
export async function switchAgain(core: Core, sessionId: string, { requestId }: SwitchParams): Promise<true> {
  const denial = denialOf(await core.state(sessionId), requestId)
  if (denial !== undefined) throw denied(sessionId, requestId, denial)
  return true
}

function denialOf({ routing }: Pick<MeerkatState, 'routing'>, requestId: string): SwitchDenial | undefined {
  const end = routing.recent.find(({ type, id }) => type === 'switch' && id === requestId)
  return end?.type === 'switch' && end.terminal === 'denied' ? end.denial : undefined
}

const DENIALS: Readonly<Record<SwitchDenial, string>> = {
  approvalRequiredButUnavailable: 'it has to be approved, and the executor, which decides that, gave no answer in time',
  deniedDuringApproval: 'it was not approved',
  scopedOverrideConflict: 'another switch is in effect or about to begin; `model/get` says which, and for how long',
  realtimeTransportConflict: 'the session is attached to a realtime transport that does not support this model',
}

function denied(sessionId: string, requestId: string, denial: SwitchDenial, approval?: RoutingApproval): MeerkatError {
  const said = approval?.type === 'denied' ? `: ${approval.reason}` : ''
  const details = { sessionId, requestId, denial, ...(approval?.type === 'denied' && { reason: approval.reason }) }
  return new MeerkatError('rejected', `the switch was refused: ${DENIALS[denial]}${said}`, { details })
}

/** The longest answer of an executor about one model, in characters. */
const MAX_SAID = 10_000
/** How long an executor may take to answer about a model, and to approve: less than a letter is waited for. */
const LOOK_MS = 10_000
const APPROVE_MS = 15_000

type Asking = Pick<Core, 'serving' | 'clock' | 'closing'>

/** What the model can do, where that is known. Throws for a model that the executor says can't be had. */
export async function knownModel(
  core: Asking,
  sessionId: SessionId,
  id: string | undefined,
): Promise<SessionLlmCapabilitySurface | undefined> {
  if (id === undefined) return undefined
  const { problem, capabilities } = await lookedUp(core, sessionId, id)
  if (problem !== undefined) throw unavailable(id, fieldsOf(problem))
  return abilitiesSaid(capabilities)
}

/** Refuses the model of an input if it can't be had, unless the executor has a fallback for it. */
export async function demandModel(core: Asking, sessionId: SessionId, id: string): Promise<void> {
  const { problem, standIn } = await lookedUp(core, sessionId, id)
  if (problem !== undefined && typeof standIn !== 'string') throw unavailable(id, fieldsOf(problem))
}

async function lookedUp(core: Asking, sessionId: SessionId, id: string): Promise<Fields> {
  const models = modelsOf(core.serving.of(sessionId))
  if (models?.look === undefined) return {}
  const look = models.look.bind(models)
  return fieldsOf(await answered(core, LOOK_MS, signal => look(id, signal)))
}

/**
 * Codes such as `unauthorized` would mean that the caller may not ask us; here the provider refuses, or the program
 * lacks something.
 */
function unavailable(id: string, { code, message }: Fields): MeerkatError {
  const why = typeof message === 'string' ? wellFormed(message) : 'its executor does not have it'
  const cause = typeof code === 'string' ? { cause: wellFormed(code) } : {}
  const ours = code === 'invalid-params' ? code : 'unsupported'
  return new MeerkatError(ours, `the model ${id} can't be had: ${why}`, { details: { model: id, ...cause } })
}

async function approvalOf(
  core: Asking,
  request: Parameters<NonNullable<ExecutorModels['approveSwitch']>>[0],
): Promise<RoutingApproval> {
  const models = modelsOf(core.serving.of(request.sessionId))
  if (models?.approveSwitch === undefined) return { type: 'notRequired' }
  const approve = models.approveSwitch.bind(models)
  const { type, reason } = fieldsOf(await answered(core, APPROVE_MS, signal => approve(request, signal)))
  if (type === 'approved') return { type }
  if (type !== 'denied') return { type: 'unavailable' }
  return { type, reason: typeof reason === 'string' && reason !== '' ? wellFormed(reason) : 'no reason was given' }
}

/** What an executor knows of models. An executor is foreign code: an answer that can't be used counts as none. */
function modelsOf(executor: CoreExecutor | undefined): ExecutorModels | undefined {
  try {
    const models: unknown = executor?.models?.()
    // A promise is not accepted as an answer; if it rejects later, that must not end the process.
    unheard(models)
    if (typeof models !== 'object' || models === null) return undefined
    const { default: byDefault, look, approveSwitch } = models as Fields
    unheard(byDefault)
    const isFine = typeof byDefault === 'string' && byDefault.length <= MAX_ID_CHARS && /./u.test(byDefault)
    return {
      ...(isFine && PRINTABLE.test(byDefault) && { default: byDefault }),
      ...(isFunction(look) && { look: (id, signal) => look.call(models, id, signal) as never }),
      ...(isFunction(approveSwitch) && {
        approveSwitch: (request, signal) => approveSwitch.call(models, request, signal) as never,
      }),
    }
  } catch {
    return undefined
  }
}

type Fields = Readonly<Record<string, unknown>>
type AnyFunction = (...args: readonly unknown[]) => unknown

function isFunction(value: unknown): value is AnyFunction {
  return typeof value === 'function'
}

/**
 * The answer as plain fields; undefined where it does not come in time, or can't be read. Throws where the runtime
 * closes meanwhile, because nothing could act on the answer.
 */
async function answered(
  { clock, closing: leaving }: Pick<Core, 'clock' | 'closing'>,
  limitMs: number,
  ask: (signal: AbortSignal) => unknown,
): Promise<unknown> {
  const asking = new AbortController()
  const over = Promise.withResolvers<undefined>()
  const end = (): void => {
    asking.abort()
    over.resolve(undefined)
  }
  const off = clock.after(limitMs, end)
  leaving.signal.addEventListener('abort', end, { once: true })
  let said: unknown
  try {
    const answer: unknown = await Promise.race([ask(asking.signal), over.promise])
    const json = jsonOf(answer, MAX_SAID)
    said = 'problem' in json ? undefined : json.value
  } catch {
    // Throwing counts as giving no answer.
  } finally {
    off()
    leaving.signal.removeEventListener('abort', end)
  }
  if (leaving.signal.aborted) throw closing()
  return said
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
}
