/**
 * `meerkat-mob-seam`: the routes between a mob and the sessions of its members.
 *
 * Four requests, three signals. A refused request comes back to the mob as an input; except a destruction, whose refusal
 * goes to the caller, because the mob does not exist any more.
 */
import {
  type Applied,
  type Composition,
  type ConsumerRefusal,
  type ConsumerSurface,
  compose,
  type Route,
  routing,
} from '../composition.ts'
import type { MeerkatEffect } from '../effects.ts'
import type { AgentRuntimeId, RuntimeEpochId, SessionId } from '../ids.ts'
import type { MeerkatInput } from '../inputs.ts'
import type { Of } from '../region.ts'
import type { MeerkatState } from '../state.ts'
import type { MobEffect } from './effects.ts'
import type { MobInput } from './inputs.ts'
import { SESSION_NOT_REGISTERED } from './roster/state.ts'

/** The requests of the seam to a session. */
export type SessionRequest = Of<MeerkatInput, 'PrepareBindings' | 'Ingest' | 'Retire' | 'Destroy'>

/** A signal of a session about the incarnation of a fence. */
export interface SessionSignal {
  readonly type: 'RuntimeBound' | 'RuntimeRetired' | 'RuntimeDestroyed'
  readonly runtimeId: string
  readonly fence?: number | undefined
}

/** What the owner of the mob supplies about its sessions. */
export interface SeamContext {
  /** The ordering domain the session is registered in. */
  readonly epochId: RuntimeEpochId
}

export type SeamParties = {
  readonly mob: { readonly input: MobInput; readonly effect: MobEffect }
  readonly meerkat: {
    readonly input: SessionRequest
    readonly effect: { [T in SessionSignal['type']]: SessionSignal & { readonly type: T } }[SessionSignal['type']]
  }
}

type SeamSignal = SeamParties['meerkat']['effect']
type SignalType = SeamSignal['type']

/** The code of a refusal: the surface is for another session. */
const SESSION_MISMATCH = 'routed_session_mismatch'

const route = routing<SeamParties, SeamContext>()

const inEpoch = ({ epochId }: Partial<SeamContext>): { readonly epochId?: RuntimeEpochId } =>
  epochId === undefined ? {} : { epochId }
const refusedFor = ({ code, message }: ConsumerRefusal): { readonly code: string; readonly reason: string } => ({
  code,
  reason: message,
})

function signal(
  id: string,
  effect: SignalType,
  input: 'ObserveRuntimeReady' | 'ObserveRuntimeRetired' | 'ObserveRuntimeDestroyed',
): Route<SeamParties, SeamContext> {
  return route({
    id,
    kind: 'signal',
    producer: 'meerkat',
    effect,
    consumer: 'mob',
    input,
    needs: ['runtimeId', 'fence'],
    bind: ({ runtimeId, fence }) => ({ type: input, runtimeId: runtimeId as AgentRuntimeId, fence }),
  })
}

export const meerkatMobSeam: Composition<SeamParties, SeamContext> = compose({
  name: 'meerkat-mob-seam',
  routes: [
    route({
      id: 'binding_request_reaches_meerkat',
      kind: 'input',
      producer: 'mob',
      effect: 'RequestRuntimeBinding',
      consumer: 'meerkat',
      input: 'PrepareBindings',
      needs: ['runtimeId', 'fence', 'generation', 'sessionId'],
      address: ({ sessionId }) => sessionId,
      bind: ({ runtimeId, fence, generation, sessionId }, context) => ({
        type: 'PrepareBindings',
        runtimeId,
        fence,
        generation,
        sessionId,
        ...inEpoch(context),
      }),
      closure: (refusal, { identity, runtimeId, sessionId }) => ({
        type: 'ResolveRuntimeBindingRefusal',
        identity,
        runtimeId,
        sessionId,
        ...refusedFor(refusal),
      }),
    }),
    route({
      id: 'work_request_reaches_meerkat',
      kind: 'input',
      producer: 'mob',
      effect: 'RequestRuntimeIngress',
      consumer: 'meerkat',
      input: 'Ingest',
      needs: ['runtimeId', 'fence', 'generation', 'sessionId', 'workId', 'origin'],
      address: ({ sessionId }) => sessionId,
      // To the session all work of a mob has the origin `Mob`, also work that came from outside the mob.
      bind: ({ runtimeId, fence, generation, sessionId, workId }, context) => ({
        type: 'Ingest',
        runtimeId,
        fence,
        generation,
        sessionId,
        workId,
        origin: 'Mob',
        ...inEpoch(context),
      }),
      closure: (refusal, { runtimeId, fence, sessionId, workId, origin }) => ({
        type: 'ResolveRuntimeIngressRefusal',
        runtimeId,
        fence,
        sessionId,
        workId,
        origin,
        ...refusedFor(refusal),
      }),
    }),
    route({
      id: 'retire_request_reaches_meerkat',
      kind: 'input',
      producer: 'mob',
      effect: 'RequestRuntimeRetire',
      consumer: 'meerkat',
      input: 'Retire',
      needs: ['sessionId'],
      address: ({ sessionId }) => sessionId,
      bind: () => ({ type: 'Retire' }),
      closure: (refusal, { identity, runtimeId, sessionId }) => ({
        type: 'ResolveRuntimeRetireRefusal',
        identity,
        runtimeId,
        sessionId,
        ...refusedFor(refusal),
      }),
    }),
    route({
      id: 'destroy_request_reaches_meerkat',
      kind: 'input',
      producer: 'mob',
      effect: 'RequestRuntimeDestroy',
      consumer: 'meerkat',
      input: 'Destroy',
      needs: ['sessionId'],
      address: ({ sessionId }) => sessionId,
      bind: () => ({ type: 'Destroy' }),
    }),
    signal('runtime_bound_reaches_mob', 'RuntimeBound', 'ObserveRuntimeReady'),
    signal('runtime_retired_reaches_mob', 'RuntimeRetired', 'ObserveRuntimeRetired'),
    signal('runtime_destroyed_reaches_mob', 'RuntimeDestroyed', 'ObserveRuntimeDestroyed'),
  ],
})

const SIGNALS: ReadonlySet<string> = new Set<SignalType>(['RuntimeBound', 'RuntimeRetired', 'RuntimeDestroyed'])

/** The signals among a session's effects, each with the fence of the session's placement before the step. */
export function sessionSignals({ binding }: MeerkatState, effects: readonly MeerkatEffect[]): readonly SeamSignal[] {
  const fence = binding.phase === 'bound' ? binding.fence : undefined
  return effects
    .filter((effect): effect is Of<MeerkatEffect, SignalType> => SIGNALS.has(effect.type))
    .map(effect => ('fence' in effect ? effect : { ...effect, fence }))
}

/** The code of a refusal: the input is none of the seam's requests, or lacks fields. */
const NOT_DECLARED = 'routed_input_not_declared'
const MALFORMED = 'routed_input_malformed'

type Field = 'name' | 'name?' | 'count' | 'count?'
const SESSION = { sessionId: 'name' } as const
const PLACED = { ...SESSION, runtimeId: 'name', fence: 'count', generation: 'count?', epochId: 'name?' } as const
/** The fields of each request; one with `?` may be absent. */
const DECLARED: { readonly [Type in SessionRequest['type']]: Readonly<Record<string, Field>> } = {
  PrepareBindings: PLACED,
  Ingest: { ...PLACED, workId: 'name', origin: 'name' },
  Retire: { sessionId: 'name?' },
  Destroy: { sessionId: 'name?' },
}

function isDeclared(type: unknown): type is SessionRequest['type'] {
  return typeof type === 'string' && Object.hasOwn(DECLARED, type)
}

function isFit(field: Field | undefined, value: unknown): boolean {
  if (value === undefined) return field?.endsWith('?') === true
  if (field === undefined) return false
  return field.startsWith('name') ? typeof value === 'string' && value !== '' : Number.isSafeInteger(value)
}

/**
 * Why the routed surface refuses an input before the session sees it: it accepts only the requests that its routes declare,
 * nothing else that a session would accept from its own host, and none for another session.
 */
export function requestRefusal(sessionId: SessionId, request: unknown): ConsumerRefusal | undefined {
  const given: Readonly<Record<string, unknown>> = typeof request === 'object' ? { ...request } : {}
  const { type, ...fields } = given
  if (!isDeclared(type)) return { code: NOT_DECLARED, message: 'no route of the seam leads to such an input' }
  if (fields['sessionId'] !== undefined && fields['sessionId'] !== sessionId) {
    return { code: SESSION_MISMATCH, message: `a ${type} of another session was routed to session ${sessionId}` }
  }
  const declared = DECLARED[type]
  const unfit = Object.keys({ ...declared, ...fields }).find(name => !isFit(declared[name], fields[name]))
  if (unfit === undefined) return undefined
  return { code: MALFORMED, message: `the ${unfit} of a routed ${type} is not as its route has it` }
}

type ApplyToSession = (input: SessionRequest) => Applied | Promise<Applied>

/** A surface for all sessions that the process serves. */
export function sessionsSurface(
  find: (sessionId: SessionId) => ApplyToSession | undefined,
): ConsumerSurface<SessionRequest> {
  return {
    apply: (input, address) => {
      const apply = address === undefined ? undefined : find(address as SessionId)
      if (apply !== undefined) {
        const refusal = requestRefusal(address as SessionId, input)
        return refusal === undefined ? apply(input) : { ok: false, ...refusal }
      }
      return { ok: false, code: SESSION_NOT_REGISTERED, message: `session ${address ?? '(none)'} is not served here` }
    },
  }
}

/** A surface for one session: requests for any other are refused. */
export function pinnedSession(
  sessionId: SessionId,
  { apply }: ConsumerSurface<SessionRequest>,
): ConsumerSurface<SessionRequest> {
  return {
    apply: (input, address) =>
      address === sessionId
        ? apply(input, address)
        : {
            ok: false,
            code: SESSION_MISMATCH,
            message: `pinned to session ${sessionId}, asked for ${address ?? '(none)'}`,
          },
  }
}
