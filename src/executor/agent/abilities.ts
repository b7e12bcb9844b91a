/**
 * What models can do, as the program says: asked once a run for each model, within a limit. Without an answer that is
 * unknown, and no tool is hidden. A program that does not answer keeps no second run waiting.
 */
import type { SessionLlmCapabilitySurface } from '../../kernel/regions/llm/state.ts'
import type { RunPort } from '../executor.ts'
import type { Settings } from './settings.ts'
import { Stage } from './stage.ts'

type Said = SessionLlmCapabilitySurface | undefined
type Needed = Pick<Settings, 'abilitiesOf' | 'models' | 'silentOn'>

/** How long the program may take to answer. */
const SAYING_MS = 10_000
/** Inputs name ids, so the number of remembered ones is bounded. */
const MAX_SILENT = 100

export class Abilities {
  readonly #settings: Needed
  readonly #port: RunPort
  readonly #known = new Map<string, Promise<Said>>()

  constructor(settings: Needed, port: RunPort) {
    this.#settings = settings
    this.#port = port
  }

  /** What the model of this id can do; without an id, the agent's own model. */
  of(given: string | undefined): Promise<Said> {
    const { abilitiesOf, models } = this.#settings
    const id = given ?? models.default
    if (abilitiesOf === undefined || id === undefined) return Promise.resolve(undefined)
    const known = this.#known.get(id) ?? this.#asked(id, () => abilitiesOf(id))
    this.#known.set(id, known)
    return known
  }

  async #asked(id: string, ask: () => Said | Promise<Said>): Promise<Said> {
    const { silentOn } = this.#settings
    if (silentOn.has(id)) return undefined
    const stage = new Stage(this.#port, SAYING_MS)
    const answer = Promise.resolve().then(ask)
    try {
      return await stage.race(answer)
    } catch {
      // If the program throws, that says nothing of the model; nor does silence.
      if (stage.cause === 'timeout' && silentOn.size < MAX_SILENT) {
        silentOn.add(id)
        const speaks = (): void => void silentOn.delete(id)
        answer.then(speaks, speaks)
      }
      return undefined
    } finally {
      stage.end()
    }
  }
}
