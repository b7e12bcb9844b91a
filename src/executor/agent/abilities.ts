/**
 * What models can do, as the program says it: asked once a run for each model, for a bounded time. Without an answer it is not
 * known, and nothing is held back for it.
 */
import type { SessionLlmCapabilitySurface } from '../../kernel/regions/llm/state.ts'
import type { RunPort } from '../executor.ts'
import type { Settings } from './settings.ts'
import { Stage } from './stage.ts'

type Said = SessionLlmCapabilitySurface | undefined

/** How long the program may take. */
const SAYING_MS = 10_000

export class Abilities {
  readonly #settings: Pick<Settings, 'abilitiesOf' | 'models'>
  readonly #port: RunPort
  readonly #known = new Map<string, Promise<Said>>()

  constructor(settings: Pick<Settings, 'abilitiesOf' | 'models'>, port: RunPort) {
    this.#settings = settings
    this.#port = port
  }

  /** Of the model of an id; without one, of the agent's own. */
  of(given: string | undefined): Promise<Said> {
    const { abilitiesOf, models } = this.#settings
    const id = given ?? models.default
    if (abilitiesOf === undefined || id === undefined) return Promise.resolve(undefined)
    const known = this.#known.get(id) ?? this.#asked(() => abilitiesOf(id))
    this.#known.set(id, known)
    return known
  }

  async #asked(ask: () => Said | Promise<Said>): Promise<Said> {
    const stage = new Stage(this.#port, SAYING_MS)
    try {
      return await stage.race(Promise.resolve().then(ask))
    } catch {
      // Whatever the program throws says nothing of the model; nor does silence.
      return undefined
    } finally {
      stage.end()
    }
  }
}
