/**
 * Asks the next model of a list when one can't answer.
 *
 * Enforces: another model is asked only where the reason need not hold for it too. A request that no model would accept
 * fails with its own error; so does a call that was given up because the run is over.
 */
import type { RunPort } from '../executor.ts'
import type { Exhausted } from './budget.ts'
import type { ModelChooser } from './choose-model.ts'
import type { StreamingModel } from './model.ts'
import type { CallEnd } from './model-call.ts'
import type { PersistentEnd } from './retry.ts'

/** A model and the id it was asked for by; without an id it is the agent's own. */
export interface Chosen {
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
export async function chooseModel({ models, fallback }: Choice, port: RunPort): Promise<Chosen | Exhausted> {
  const { id, source } = await port.model()
  const model = await models.choose(id)
  if (!('error' in model)) return { id, model }
  if (source === 'image') return model
  for (const other of fallback) {
    const found = other === id ? model : await models.choose(other)
    if ('error' in found) continue
    port.stream({
      type: 'notice',
      code: 'model-unavailable',
      message: `${model.error.message}. Asking ${other} instead.`,
    })
    return { id, model: found }
  }
  return model
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

/**
 * Asks one model after the other until one replies; else the call failed with its own error. `tries`: how often it was
 * retried so far.
 */
export async function fallBack(
  { fallback, models }: Choice,
  { port, asked, tries }: { readonly port: RunPort; readonly asked: StreamingModel; readonly tries: number },
  failed: Failed,
  ask: (model: StreamingModel) => Promise<CallEnd>,
): Promise<{ readonly end: PersistentEnd; readonly standIn?: StreamingModel }> {
  const { source } = await port.model()
  if (source === 'image' || !OTHERS_MAY_ANSWER.has(failed.failure.code)) return { end: failed }
  let last = failed
  let attempt = tries
  for (const id of fallback) {
    if (port.signal.aborted || port.deadline.passed) break
    const model = await models.choose(id)
    if ('error' in model || isSame(model, asked)) continue
    attempt++
    const { code, message, kind = 'retryable-provider-error' } = last.failure
    const why = `${message}. Asking ${id} instead.`
    port.retrying({ turn: last.turn, attempt, maxRetries: attempt, delayMs: 0, kind, message: why })
    const end = await ask(model)
    if (end.type === 'reply') await port.fellBack({ turn: end.turn, attempt, model: id, code })
    if (end.type !== 'failed') return { end, standIn: model }
    port.retry(attempt)
    last = end
  }
  return { end: failed }
}

function isSame(one: StreamingModel, other: StreamingModel): boolean {
  return one.provider === other.provider && one.modelId === other.modelId
}
