/** From the id of a model to the model; which one answers is the port's to say. */
import { MeerkatError } from '../../errors.ts'
import { type ResolveOptions, resolveModel } from '../providers.ts'
import type { Exhausted } from './budget.ts'
import { asStreamingModel, type LanguageModel, type StreamingModel } from './model.ts'

/** Makes the model of an id; without one, the default. */
export type ModelFactory = (id: string | undefined) => LanguageModel | Promise<LanguageModel>

export interface ModelChooser {
  /** Without an id: the default. */
  choose(id: string | undefined): Promise<StreamingModel | Exhausted>
}

/** Chooses among one model, the models that ids name, or those of a factory. */
export function modelChooser(model: LanguageModel | string | ModelFactory, options: ResolveOptions): ModelChooser {
  const resolved = new Map<string, StreamingModel>()
  const byId = async (id: string): Promise<StreamingModel> => {
    const known = resolved.get(id)
    if (known !== undefined) return known
    const made = asStreamingModel(typeof model === 'function' ? await model(id) : await resolveModel(id, options))
    if (resolved.size >= MAX_RESOLVED) resolved.clear()
    resolved.set(id, made)
    return made
  }
  const choose = async (id: string | undefined): Promise<StreamingModel> => {
    if (typeof model === 'string') return await byId(id ?? model)
    if (typeof model === 'function') return id === undefined ? asStreamingModel(await model(undefined)) : await byId(id)
    return id === undefined || isNamed(model, id) ? asStreamingModel(model) : await byId(id)
  }
  return {
    choose: async id => {
      try {
        return await choose(id)
      } catch (error) {
        if (!(error instanceof MeerkatError)) throw error
        return { source: 'llm', error: { code: error.code, message: error.message } }
      }
    },
  }
}

/** Ids come from inputs, so their number has a limit. */
const MAX_RESOLVED = 100

function isNamed({ provider, modelId }: LanguageModel, id: string): boolean {
  return id === modelId || id === `${provider}/${modelId}` || id === `${provider.split('.')[0] ?? provider}/${modelId}`
}
