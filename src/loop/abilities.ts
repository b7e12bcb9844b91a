/**
 * What models can do, as far as a session knows. It is said where a model is named (`session/open`, `model/set`, a host), and by
 * the executor with each request, which has the last word on the model that the request goes to.
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

/** The same back. */
export function idOf({ provider, model }: SessionLlmIdentity): string {
  return provider === '' ? model : `${provider}/${model}`
}

/** What the model of an id can do; without an id, the default. */
export function abilitiesOf(llm: Llm, id: string | undefined): SessionLlmCapabilitySurface | undefined {
  const { requested } = llm
  const said = requested !== undefined && requested.model === id ? requested.surface : undefined
  return said ?? namedAbilities(llm, id)
}

/** What was said of it where it was named. */
export function namedAbilities(llm: Llm, id: string | undefined): SessionLlmCapabilitySurface | undefined {
  return llm.phase === 'resolved' && idOf(llm.identity) === id ? llm.surface : undefined
}

/** What the machine has to be told of a request to this model: nothing where it knows, and holds back what it should. */
export function requestingSteps(llm: Llm, { model, surface }: RequestedModel): readonly MeerkatInput[] {
  const own = llm.phase === 'unknown' ? undefined : idOf(llm.identity)
  const newest: RequestedModel = llm.requested ?? defined({ model: own, surface: surfaceOf(llm) })
  // Of neither is anything known: nothing is held back for either.
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
/** How much may be said of one model, in characters. */
const MAX_SAID = 10_000

/** What somebody says that a model can do, as a copy. What is no such description counts as not known. */
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
