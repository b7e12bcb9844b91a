/** The tools of a run: what its executor offers, which of them the kernel admits, and what a boundary commits. */

import { defined } from '../defined.ts'
import type { SessionDriver } from '../driver/driver.ts'
import type { Transaction } from '../driver/transaction.ts'
import type { CalledModel, SurfaceAnswer, ToolCatalogue } from '../executor/executor.ts'
import { wellFormed } from '../foreign.ts'
import type { SurfaceId } from '../kernel/ids.ts'
import type { MeerkatInput } from '../kernel/inputs.ts'
import { step } from '../kernel/machine.ts'
import { mapGet, mapValues } from '../kernel/persistent-map.ts'
import type { RequestedModel } from '../kernel/regions/llm/state.ts'
import type { Surface } from '../kernel/regions/tool-surfaces/state.ts'
import { hasStagedVisibility, toolGeneration } from '../kernel/regions/visibility/state.ts'
import type { MeerkatState } from '../kernel/state.ts'
import {
  cataloguedTools,
  cataloguingSteps,
  type OfferedTool,
  type SurfacePin,
  witnessesIn,
} from '../kernel/tool-catalogue.ts'
import { requestingSteps } from './abilities.ts'
import { type Fields, fieldsOf, isCount, unusable } from './answers.ts'
import { modelAsked, requestedOf } from './models.ts'
import { checkedCalled } from './reports.ts'

/** The tools that an executor offers to one session. */
export interface Offer {
  readonly offered: readonly OfferedTool[]
  /** The session's option `tools`; absent: all are allowed. */
  readonly chosen: readonly string[] | undefined
  /** The model that they are offered to; absent: the one that the state knows of. */
  readonly model?: RequestedModel
}

/** What the kernel has to be told for its catalogue to be that of this offer. */
function stepsTo(state: MeerkatState, { offered, chosen, model }: Offer): readonly MeerkatInput[] {
  const requesting = model === undefined ? [] : requestingSteps(state.llm, model)
  return [...requesting, ...cataloguingSteps(state, offered, chosen)]
}

/** The catalogue for a model call in this state; undefined if the kernel does not know these tools or this model yet. */
function knownCatalogue(state: MeerkatState, offer: Offer): ToolCatalogue | undefined {
  return stepsTo(state, offer).length > 0 ? undefined : catalogueOf(state, offer.offered)
}

/** Gives the offered tools to the kernel and answers the catalogue. A refusal (the session is over) is ignored. */
export function catalogue(tx: Pick<Transaction, 'state' | 'try'>, offer: Offer): ToolCatalogue {
  for (const input of stepsTo(tx.state, offer)) tx.try(input)
  return catalogueOf(tx.state, offer.offered)
}

/** The catalogue that the next turn of a session in this state begins with. */
export function nextCatalogue(state: MeerkatState, offer: Offer): ToolCatalogue {
  const preview = {
    state,
    try: (input: MeerkatInput) => {
      const result = step(preview.state, input)
      if (result.ok) preview.state = result.state
      return result
    },
  }
  publishVisibility(preview)
  // A switch that waits begins with it.
  if (state.routing.pending?.phase === 'pendingForBoundary') preview.try({ type: 'AdmitModelRoutingAssistantTurn' })
  const { id: model, capabilities: surface } = modelAsked(preview.state, undefined)
  return catalogue(preview, { model: defined({ model, surface }), ...offer })
}

function catalogueOf(state: MeerkatState, offered: readonly OfferedTool[]): ToolCatalogue {
  return { generation: toolGeneration(state.visibility), tools: cataloguedTools(state, offered) }
}

type Stepping = Pick<Transaction, 'state' | 'try'>

/** Commits staged tool changes at a boundary. `turn`: the model call that it ends, 0 before the first one. */
export function commitTools(tx: Pick<Transaction, 'state' | 'try' | 'at'>, turn: number): void {
  publishVisibility(tx)
  if (tx.state.toolSurfaces.surfaces.size === 0) return
  for (const surface of mapValues(tx.state.toolSurfaces.surfaces)) {
    for (const input of dueInputsOf(surface, tx.at, turn)) tx.try(input)
  }
}

function publishVisibility(tx: Stepping): void {
  const { state } = tx
  if (!hasStagedVisibility(state)) return
  tx.try({ type: 'PublishCommittedVisibleSet', revision: state.visibility.staged.revision })
}

/** The inputs for a surface at a boundary. The kernel refuses those whose time has not come. */
function dueInputsOf({ id: surfaceId, base, staged, retiring }: Surface, nowMs: number, turn: number): MeerkatInput[] {
  const due: MeerkatInput[] = []
  if (base.state === 'Removing') {
    due.push({
      type: base.timeoutAtMs <= nowMs ? 'SurfaceFinalizeRemovalForced' : 'SurfaceFinalizeRemovalClean',
      surfaceId,
    })
  }
  for (const { generation, timeoutAtMs } of retiring) {
    if (timeoutAtMs <= nowMs) due.push({ type: 'SurfaceFinalizeRemovalForced', surfaceId, generation })
  }
  if (staged !== undefined) {
    const { sequence: stagedIntentSequence } = staged
    due.push({ type: 'SurfaceApplyBoundary', surfaceId, nowMs, stagedIntentSequence, appliedAtTurn: turn })
  }
  return due
}

/** Stages the loading of deferred tools. Answers the names that no deferred tool has. */
export function requestTools(tx: Stepping & Pick<Transaction, 'step'>, names: readonly string[]): readonly string[] {
  const { staged, deferredCatalog } = tx.state.visibility
  const unknown = names.filter(name => mapGet(deferredCatalog, name) === undefined)
  const asked = names.filter(name => !unknown.includes(name) && !staged.deferred.includes(name))
  if (asked.length > 0) tx.step({ type: 'RequestDeferredTools', authorities: witnessesIn(deferredCatalog, asked) })
  return unknown
}

/** The run port's tool methods. `own` throws if the run is over. */
export class RunTools {
  readonly #driver: SessionDriver
  readonly #chosen: Offer['chosen']
  /** The model that the run's input asks for. */
  readonly #named: () => string | undefined
  readonly #own: (tx: Transaction) => Transaction

  constructor(
    driver: SessionDriver,
    { chosen, named }: Pick<Offer, 'chosen'> & { readonly named: () => string | undefined },
    own: (tx: Transaction) => Transaction,
  ) {
    this.#driver = driver
    this.#chosen = chosen
    this.#named = named
    this.#own = own
  }

  async catalogued(given: readonly OfferedTool[], called: CalledModel | undefined): Promise<ToolCatalogue> {
    const model = requestedOf(this.#driver.state, this.#named(), checkedCalled(called))
    const offer = { offered: checkedOffer(given), chosen: this.#chosen, model }
    const known = knownCatalogue(this.#driver.state, offer)
    if (known !== undefined) return known
    // Lazy: it is written with the first report of the model call.
    return this.#driver.mutate(tx => catalogue(this.#own(tx), offer), { lazy: true })
  }

  async request(given: readonly string[]): Promise<{ readonly unknown: readonly string[] }> {
    const names = checkedNames(given)
    return { unknown: await this.#driver.mutate(tx => requestTools(this.#own(tx), names), { lazy: true }) }
  }

  async throughSurface<T>(given: SurfacePin, call: () => T | PromiseLike<T>): Promise<SurfaceAnswer<Awaited<T>>> {
    const driver = this.#driver
    const pin = checkedPin(given)
    const begin = { type: 'SurfaceCallStarted', ...pin } as const
    const effects = await driver.mutate(tx => this.#own(tx).step(begin), { lazy: true })
    const refusal = effects.find(effect => effect.type === 'RejectSurfaceCall')
    if (refusal !== undefined) return { refused: refusal.cause }
    try {
      return { value: await call() }
    } finally {
      // Also after the run is over, because the connection may close only after the call's end.
      driver.mutate(tx => tx.try({ type: 'SurfaceCallFinished', ...pin }), { lazy: true }).catch(() => {})
    }
  }
}

/** Longest name of a tool; providers allow less. */
const MAX_NAME_CHARS = 200
const MAX_TOOLS = 10_000

/** The offered tools, as a checked copy. */
function checkedOffer(given: unknown): readonly OfferedTool[] {
  if (!Array.isArray(given) || given.length > MAX_TOOLS)
    throw unusable('offered tools that are no list, or far too many')
  const offered = given.map(one => offeredTool(fieldsOf(one, 'offered a tool that is')))
  const seen = new Set<string>()
  for (const { name, surface = '' } of offered) {
    const key = `${surface}\0${name}`
    if (seen.has(key)) throw unusable(`offered two tools named ${name}`)
    seen.add(key)
  }
  return offered
}

function offeredTool({ name, provider, deferred, control, surface }: Fields): OfferedTool {
  return {
    name: shortText(name, 'a tool'),
    ...(provider !== undefined && { provider: witness(fieldsOf(provider, 'offered a tool whose provider is')) }),
    ...(flag(deferred) && { deferred: true }),
    ...(flag(control) && { control: true }),
    ...(surface !== undefined && { surface: shortText(surface, 'the surface of a tool') as SurfaceId }),
  }
}

function witness({ kind, sourceId }: Fields): NonNullable<OfferedTool['provider']> {
  return { kind: shortText(kind, "a provider's kind"), sourceId: shortText(sourceId, "a provider's id") }
}

function flag(value: unknown): boolean {
  if (value === undefined || typeof value === 'boolean') return value === true
  throw unusable('offered a tool with a mark that is neither true nor false')
}

/** The connection for a call, as a checked copy. */
function checkedPin(given: unknown): SurfacePin {
  const { surfaceId, generation } = fieldsOf(given, 'named a connection that is')
  if (!isCount(generation, 0)) throw unusable('named a connection by what is no whole number')
  return { surfaceId: shortText(surfaceId, 'a surface') as SurfaceId, generation }
}

/** The names of requested tools, as a checked copy. */
function checkedNames(given: unknown): readonly string[] {
  if (!Array.isArray(given) || given.length > MAX_TOOLS) throw unusable('asked for tools by what is no list of names')
  return given.map(name => shortText(name, 'a tool'))
}

function shortText(value: unknown, what: string): string {
  if (typeof value === 'string' && value !== '' && value.length <= MAX_NAME_CHARS) return wellFormed(value)
  throw unusable(`spoke of ${what} by what is no name`)
}
