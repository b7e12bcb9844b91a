/** The tools of a run: what its executor offers, what the kernel leaves of it, and what a boundary commits of that. */

import type { SessionDriver } from '../driver/driver.ts'
import type { Transaction } from '../driver/transaction.ts'
import type { SurfaceAnswer, ToolCatalogue } from '../executor/executor.ts'
import { wellFormed } from '../foreign.ts'
import type { SurfaceId } from '../kernel/ids.ts'
import type { MeerkatInput } from '../kernel/inputs.ts'
import { step } from '../kernel/machine.ts'
import { mapGet, mapValues } from '../kernel/persistent-map.ts'
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
import { bad, type Fields, fieldsOf, isCount } from './answers.ts'

/** Where an executor's tools are catalogued for one session. */
export interface Offer {
  readonly offered: readonly OfferedTool[]
  /** The names that the session was given, if it was. */
  readonly chosen: readonly string[] | undefined
}

/** The catalogue of a model call that is made in this state, if the state knows what is offered. */
function catalogueIn(state: MeerkatState, { offered, chosen }: Offer): ToolCatalogue | undefined {
  if (cataloguingSteps(state, offered, chosen).length > 0) return undefined
  return catalogueOf(state, offered)
}

/** Tells the kernel what is offered; what a session that is over does not take is left unsaid. */
export function catalogue(tx: Pick<Transaction, 'state' | 'try'>, { offered, chosen }: Offer): ToolCatalogue {
  for (const input of cataloguingSteps(tx.state, offered, chosen)) tx.try(input)
  return catalogueOf(tx.state, offered)
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
  return catalogue(preview, offer)
}

function catalogueOf(state: MeerkatState, offered: readonly OfferedTool[]): ToolCatalogue {
  return { generation: toolGeneration(state.visibility), tools: cataloguedTools(state, offered) }
}

type Stepping = Pick<Transaction, 'state' | 'try'>

/** A boundary is passed: what was staged of tools takes place. `turn`: the model call that it ends, 0 where none was made. */
export function passTools(tx: Pick<Transaction, 'state' | 'try' | 'at'>, turn: number): void {
  publishVisibility(tx)
  if (tx.state.toolSurfaces.surfaces.size === 0) return
  for (const surface of mapValues(tx.state.toolSurfaces.surfaces)) {
    for (const input of dueOf(surface, tx.at, turn)) tx.try(input)
  }
}

function publishVisibility(tx: Stepping): void {
  const { state } = tx
  if (!hasStagedVisibility(state)) return
  tx.try({ type: 'PublishCommittedVisibleSet', revision: state.visibility.staged.revision })
}

/** What becomes of a surface at a boundary. The kernel refuses what is not so far. */
function dueOf({ id: surfaceId, base, staged, retiring }: Surface, nowMs: number, turn: number): MeerkatInput[] {
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

/** Stages that deferred tools are shown. Answers which of the names there is no deferred tool of. */
export function requestTools(tx: Stepping & Pick<Transaction, 'step'>, names: readonly string[]): readonly string[] {
  const { staged, deferredCatalog } = tx.state.visibility
  const unknown = names.filter(name => mapGet(deferredCatalog, name) === undefined)
  const asked = names.filter(name => !unknown.includes(name) && !staged.deferred.includes(name))
  if (asked.length > 0) tx.step({ type: 'RequestDeferredTools', authorities: witnessesIn(deferredCatalog, asked) })
  return unknown
}

/** The port's part that is of tools. `own` refuses a run that is over. */
export class RunTools {
  readonly #driver: SessionDriver
  readonly #chosen: Offer['chosen']
  readonly #own: (tx: Transaction) => Transaction

  constructor(driver: SessionDriver, chosen: Offer['chosen'], own: (tx: Transaction) => Transaction) {
    this.#driver = driver
    this.#chosen = chosen
    this.#own = own
  }

  async catalogued(given: readonly OfferedTool[]): Promise<ToolCatalogue> {
    const offer = { offered: checkedOffer(given), chosen: this.#chosen }
    const known = catalogueIn(this.#driver.state, offer)
    if (known !== undefined) return known
    // It travels with what comes of the model call.
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
      // Also after its run: the connection waits for the end of the call.
      driver.mutate(tx => tx.try({ type: 'SurfaceCallFinished', ...pin }), { lazy: true }).catch(() => {})
    }
  }
}

/** The longest name that is understood; providers take shorter ones. */
const MAX_NAME_CHARS = 200
const MAX_TOOLS = 10_000

/** What an executor says that it has at hand, as a copy. */
function checkedOffer(given: unknown): readonly OfferedTool[] {
  if (!Array.isArray(given) || given.length > MAX_TOOLS) throw bad('offered tools that are no list, or far too many')
  const offered = given.map(one => offeredTool(fieldsOf(one, 'offered a tool that is')))
  const seen = new Set<string>()
  for (const { name, surface = '' } of offered) {
    const key = `${surface}\0${name}`
    if (seen.has(key)) throw bad(`offered two tools named ${name}`)
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
  throw bad('offered a tool with a mark that is neither true nor false')
}

/** The connection that a call is to go through. */
function checkedPin(given: unknown): SurfacePin {
  const { surfaceId, generation } = fieldsOf(given, 'named a connection that is')
  if (!isCount(generation, 0)) throw bad('named a connection by what is no whole number')
  return { surfaceId: shortText(surfaceId, 'a surface') as SurfaceId, generation }
}

/** The names of tools that somebody asks for. */
function checkedNames(given: unknown): readonly string[] {
  if (!Array.isArray(given) || given.length > MAX_TOOLS) throw bad('asked for tools by what is no list of names')
  return given.map(name => shortText(name, 'a tool'))
}

function shortText(value: unknown, what: string): string {
  if (typeof value === 'string' && value !== '' && value.length <= MAX_NAME_CHARS) return wellFormed(value)
  throw bad(`spoke of ${what} by what is no name`)
}
