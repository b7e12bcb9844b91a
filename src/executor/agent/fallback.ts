/**
 * Asks the next model of a list when one can't answer.
 *
 * Enforces: another model is asked only where the reason need not hold for it too. A request that no model would accept
 * fails with its own error; so does a call that was given up because the run is over.
 */
import type { AskedModel, RunPort } from '../executor.ts'
import type { Abilities } from './abilities.ts'
import type { Exhausted } from './budget.ts'
import type { ModelChooser } from './choose-model.ts'
import type { StreamingModel } from './model.ts'
import type { CallEnd } from './model-call.ts'
import type { PersistentEnd } from './retry.ts'

/** A model that is asked. */
export interface Chosen {
  /** The id that the port named; without one it is the agent's own. */
  readonly named: string | undefined
  /** Its own id: another one where it stands in for what was named. */
  readonly id: string | undefined
  readonly model: StreamingModel
}

interface Choice {
  readonly models: ModelChooser
  /** The ids of the models that are asked in the place of others, in this order. */
  readonly fallback: readonly string[]
}

type Failed = Extract<PersistentEnd, { type: 'failed' }>

/** The model of an id, or the first fallback that can be had. */
export async function chooseModel(
  { models, fallback }: Choice,
  port: RunPort,
  { id, source }: AskedModel,
): Promise<Chosen | Exhausted> {
  const model = await models.choose(id)
  if (!('error' in model)) return { named: id, id, model }
  if (source === 'image') return model
  const other = await firstAvailable({ models, fallback })
  if (other === undefined) return model
  port.stream({
    type: 'notice',
    code: 'model-unavailable',
    message: `${model.error.message}. Asking ${other.id} instead.`,
  })
  return { named: id, ...other }
}

/** The first fallback that can be had. */
export async function firstAvailable({
  models,
  fallback,
}: Choice): Promise<{ readonly id: string; readonly model: StreamingModel } | undefined> {
  for (const id of fallback) {
    const model = await models.choose(id)
    if (!('error' in model)) return { id, model }
  }
  return undefined
}

/** Failures of one model, or of its provider, that another model need not have. */
const OTHERS_MAY_ANSWER: ReadonlySet<string> = new Set([
  'call-timeout',
  'malformed-answer',
  'model-failed',
  'model-not-found',
  'provider-error',
  'provider-unreachable',
  'quota-exhausted',
  'rate-limited',
  'stream-cut',
  'unauthorized',
])

interface Asking {
  readonly port: RunPort
  readonly asked: Chosen
  readonly abilities: Abilities
  /** How often it was retried so far. */
  readonly tries: number
}

/** Asks one model after the other until one replies; else the call failed with its own error. */
export async function fallBack(
  { fallback, models }: Choice,
  { port, asked, abilities, tries }: Asking,
  failed: Failed,
  ask: (chosen: Chosen) => Promise<CallEnd>,
): Promise<PersistentEnd> {
  const { source } = await port.model()
  if (source === 'image' || !OTHERS_MAY_ANSWER.has(failed.failure.code)) return failed
  let last = failed
  let attempt = tries
  for (const id of fallback) {
    if (port.signal.aborted || port.deadline.passed) break
    const model = await models.choose(id)
    if ('error' in model || isSame(model, asked.model)) continue
    attempt++
    const { code, message, kind = 'retryable-provider-error' } = last.failure
    const why = `${message}. Asking ${id} instead.`
    port.retrying({ turn: last.turn, attempt, maxRetries: attempt, delayMs: 0, kind, message: why })
    const end = await ask({ named: asked.named, id, model })
    if (end.type === 'reply') {
      const capabilities = await abilities.of(id)
      await port.fellBack({ turn: end.turn, attempt, model: id, code, ...(capabilities && { capabilities }) })
    }
    if (end.type !== 'failed') return end
    port.retry(attempt)
    last = end
  }
  return failed
}

function isSame(one: StreamingModel, other: StreamingModel): boolean {
  return one.provider === other.provider && one.modelId === other.modelId
}
