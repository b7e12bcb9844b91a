/** The slice of the region `llm`: the session's model, and what it can do. */
import { ALL_TOOLS, type ToolFilter } from '../tool-filter.ts'

/** A model at a provider. */
export interface SessionLlmIdentity {
  readonly model: string
  readonly provider: string
  readonly selfHostedServerId?: string
  /** The provider's parameters as canonical text: equal parameters have equal texts. */
  readonly providerParams?: string
  /** The name of the credential binding; never the credential. */
  readonly authBinding?: string
}

/** What a model can do. */
export interface SessionLlmCapabilitySurface {
  readonly supportsTemperature: boolean
  readonly supportsThinking: boolean
  readonly supportsReasoning: boolean
  readonly inlineVideo: boolean
  readonly vision: boolean
  readonly imageInput: boolean
  readonly imageToolResults: boolean
  readonly supportsWebSearch: boolean
  readonly imageGeneration: boolean
  readonly realtime: boolean
  readonly callTimeoutMs?: number
}

/** A model. `surface` absent: its capabilities are unknown. */
export interface SessionLlm {
  readonly identity: SessionLlmIdentity
  readonly surface?: SessionLlmCapabilitySurface
}

/** The model of a request. */
export interface RequestedModel {
  /** Its id; absent: the executor's default. */
  readonly model?: string
  /** What it can do. Absent: unknown. */
  readonly surface?: SessionLlmCapabilitySurface
}

export type Llm =
  /** The session's model was not set yet. */
  | ({ readonly phase: 'unknown' } & Requesting)
  | ({ readonly phase: 'unresolved'; readonly identity: SessionLlmIdentity } & Standing)
  | ({
      readonly phase: 'resolved'
      readonly identity: SessionLlmIdentity
      readonly surface: SessionLlmCapabilitySurface
    } & Standing)

interface Requesting {
  /** The model of the newest request. Absent: the session's own is all that is known. */
  readonly requested?: RequestedModel
}

interface Standing extends Requesting {
  /** It answered after the session's own model had failed, and serves until a caller sets a model. */
  readonly standsIn?: true
}

export type KnownLlm = Exclude<Llm, { readonly phase: 'unknown' }>

export const NO_LLM: Llm = { phase: 'unknown' }

/** The tool that shows an image to the model as its result. */
export const VIEW_IMAGE = 'view_image'
const WITHOUT_IMAGES: ToolFilter = { type: 'deny', names: [VIEW_IMAGE] }

/**
 * What the abilities of the model leave of the tools: one that is known to take no image as a tool's result isn't offered
 * any. It is the model of the newest request; the session's own until there was one.
 */
export function capabilityBaseFilter(llm: Llm): ToolFilter {
  const surface = llm.requested === undefined ? surfaceOf(llm) : llm.requested.surface
  return surface?.imageToolResults === false ? WITHOUT_IMAGES : ALL_TOOLS
}

/** The same session, with a request to this model. */
export function requesting(llm: Llm, { model, surface }: RequestedModel): Llm {
  const requested = { ...(model !== undefined && { model }), ...(surface && { surface }) }
  return { ...llm, requested }
}

export function llmOf({ identity, surface }: SessionLlm): KnownLlm {
  return surface === undefined ? { phase: 'unresolved', identity } : { phase: 'resolved', identity, surface }
}

export function surfaceOf(llm: Llm): SessionLlmCapabilitySurface | undefined {
  return llm.phase === 'resolved' ? llm.surface : undefined
}

/** Whether `seen` is the present model; absent: whether there is none. */
export function isLlm(llm: Llm, seen: SessionLlm | undefined): boolean {
  if (llm.phase === 'unknown' || seen === undefined) return llm.phase === 'unknown' && seen === undefined
  return sameFields(llm.identity, seen.identity) && sameFields(surfaceOf(llm), seen.surface)
}

/** Whether two flat records have equal fields. */
export function sameFields(one: object | undefined, other: object | undefined): boolean {
  if (one === undefined || other === undefined) return one === other
  const fields = new Map<string, unknown>(Object.entries(one))
  const others = Object.entries(other).filter(([, value]) => value !== undefined)
  return (
    others.every(([name, value]) => fields.get(name) === value) &&
    [...fields.values()].filter(value => value !== undefined).length === others.length
  )
}
