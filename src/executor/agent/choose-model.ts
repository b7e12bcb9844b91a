/** Makes models from their ids; the port says which id answers. */
import { defined } from '../../defined.ts'
import { MeerkatError } from '../../errors.ts'
import { messageOf } from '../../foreign.ts'
import { type ResolveOptions, resolveModel } from '../providers.ts'
import type { Exhausted } from './budget.ts'
import { asStreamingModel, isLanguageModel, type LanguageModel, type StreamingModel } from './model.ts'

/** Makes the model of an id; without an id, the default. */
export type ModelFactory = (id: string | undefined) => LanguageModel | Promise<LanguageModel>

export interface ModelChooser {
  /** Without an id: the default. */
  choose(id: string | undefined): Promise<StreamingModel | Exhausted>
  /** The id of the default, where it has one. */
  readonly default?: string
}

/** Chooses among one model, the models that ids name, or those of a factory. */
export function modelChooser(
  model: LanguageModel | string | ModelFactory,
  options: ResolveOptions,
  others: readonly (LanguageModel | string)[] = [],
): ModelChooser {
  const given = new Map(others.flatMap(one => (typeof one === 'string' ? [] : [[idOfModel(one), one] as const])))
  const resolved = new Map<string, StreamingModel>()
  const byId = async (id: string): Promise<StreamingModel> => {
    const known = resolved.get(id)
    if (known !== undefined) return known
    const own = given.get(id)
    if (own !== undefined) return asStreamingModel(own)
    const found =
      typeof model === 'function' ? await makeModel(model, id) : asStreamingModel(await resolveModel(id, options))
    if (resolved.size >= MAX_RESOLVED) resolved.clear()
    resolved.set(id, found)
    return found
  }
  const choose = async (id: string | undefined): Promise<StreamingModel> => {
    if (typeof model === 'string') return await byId(id ?? model)
    if (typeof model === 'function') return id === undefined ? await makeModel(model, undefined) : await byId(id)
    return id === undefined || isNamed(model, id) ? asStreamingModel(model) : await byId(id)
  }
  const named = typeof model === 'function' ? undefined : idOfModel(model)
  return {
    ...defined({ default: named }),
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

/** The id of a model within a session. */
export function idOfModel(model: LanguageModel | string): string {
  return typeof model === 'string' ? model : `${model.provider}/${model.modelId}`
}

/** What the program's function makes of an id: for one that it does not know, it may answer anything. */
async function makeModel(make: ModelFactory, id: string | undefined): Promise<StreamingModel> {
  const model: unknown = id === undefined ? await make(undefined) : await ofId(make, id)
  if (isLanguageModel(model)) return asStreamingModel(model)
  const what = id === undefined ? 'no default model' : `no model of ${JSON.stringify(id)}`
  throw new MeerkatError('unsupported', `the function given as \`model\` made ${what}: check its id`)
}

/** Inputs name ids, so the number of remembered models is bounded. */
const MAX_RESOLVED = 100

function isNamed({ provider, modelId }: LanguageModel, id: string): boolean {
  return id === modelId || id === `${provider}/${modelId}` || id === `${provider.split('.')[0] ?? provider}/${modelId}`
}

/** A function that throws for an id has no model of it: another attempt would find the same. */
async function ofId(make: ModelFactory, id: string): Promise<unknown> {
  try {
    return await make(id)
  } catch (error) {
    if (error instanceof MeerkatError) throw error
    const message = `the function given as \`model\` made no model of ${JSON.stringify(id)}: ${messageOf(error)}`
    throw new MeerkatError('unsupported', message, { cause: error })
  }
}
