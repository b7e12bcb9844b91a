/**
 * The capabilities of models, as far as a session knows them. They come with the model's name (`session/open`, `model/set`, a
 * host), and from the executor with each request; for the model of that request the executor's report counts.
 */
import { defined } from '../defined.ts'
import { jsonOf } from '../foreign.ts'
import type { MeerkatInput } from '../kernel/inputs.ts'
import {
  type Llm,
  type RequestedModel,
  type SessionLlmCapabilitySurface,
  type SessionLlmIdentity,
  sameFields,
  surfaceOf,
} from '../kernel/regions/llm/state.ts'

/** The model of an id such as `openai/gpt-5.6`. An id without a provider is a name that the executor knows. */
export function identityOf(id: string): SessionLlmIdentity {
  const slash = id.indexOf('/')
  const isNamed = slash > 0 && slash < id.length - 1
  return isNamed ? { provider: id.slice(0, slash), model: id.slice(slash + 1) } : { provider: '', model: id }
}

/** The inverse of `identityOf`. */
export function idOf({ provider, model }: SessionLlmIdentity): string {
  return provider === '' ? model : `${provider}/${model}`
}

/** The capabilities of the model with this id; without an id, of the default. */
export function abilitiesOf(llm: Llm, id: string | undefined): SessionLlmCapabilitySurface | undefined {
  const { requested } = llm
  const said = requested !== undefined && requested.model === id ? requested.surface : undefined
  return said ?? namedAbilities(llm, id)
}

/** The capabilities that came with the model's name. */
export function namedAbilities(llm: Llm, id: string | undefined): SessionLlmCapabilitySurface | undefined {
  return llm.phase === 'resolved' && idOf(llm.identity) === id ? llm.surface : undefined
}

/** The input that reports a request to this model to the kernel; none if its tool filter is right already. */
export function requestingSteps(llm: Llm, { model, surface }: RequestedModel): readonly MeerkatInput[] {
  const own = llm.phase === 'unknown' ? undefined : idOf(llm.identity)
  const newest: RequestedModel = llm.requested ?? defined({ model: own, surface: surfaceOf(llm) })
  // Without known capabilities no tool is hidden, before and after.
  if (surface === undefined && newest.surface === undefined) return []
  if (model === newest.model && sameFields(surface, newest.surface)) return []
  return [{ type: 'ModelRequested', ...defined({ model, surface }) }]
}

const FLAGS: readonly (keyof SessionLlmCapabilitySurface)[] = [
  'supportsTemperature',
  'supportsThinking',
  'supportsReasoning',
  'inlineVideo',
  'vision',
  'imageInput',
  'imageToolResults',
  'supportsWebSearch',
  'imageGeneration',
  'realtime',
]
/** Longest description of one model, in characters of JSON. */
const MAX_SAID = 10_000

/** A caller's or executor's description of a model's capabilities, as a checked copy; undefined (unknown) if it is none. */
export function abilitiesSaid(given: unknown): SessionLlmCapabilitySurface | undefined {
  const json = jsonOf(given, MAX_SAID)
  if ('problem' in json || !isSurface(json.value)) return undefined
  const { supportsTemperature, supportsThinking, supportsReasoning, inlineVideo, vision } = json.value
  const { imageInput, imageToolResults, supportsWebSearch, imageGeneration, realtime, callTimeoutMs } = json.value
  const seeing = { inlineVideo, vision, imageInput, imageToolResults, imageGeneration }
  const others = { supportsTemperature, supportsThinking, supportsReasoning, supportsWebSearch, realtime }
  return { ...seeing, ...others, ...defined({ callTimeoutMs }) }
}

function isSurface(value: unknown): value is SessionLlmCapabilitySurface {
  if (typeof value !== 'object' || value === null) return false
  const callTimeoutMs: unknown = Reflect.get(value, 'callTimeoutMs')
  const isTimed = callTimeoutMs === undefined || (Number.isSafeInteger(callTimeoutMs) && Number(callTimeoutMs) > 0)
  return isTimed && FLAGS.every(name => typeof Reflect.get(value, name) === 'boolean')
}
