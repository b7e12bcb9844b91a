/**
 * Makes a model from its id, such as `openai/gpt-5.6`.
 *
 * Enforces: a key is sent to its own endpoint and to no other. A provider's key is used only with that provider's
 * endpoint; `compatible/…` models have keys of their own.
 */
import { MeerkatError } from '../errors.ts'
import { anEnvironment, aText, aWord, checkArgument, checkOptions, type Fields, optional } from '../options.ts'
import { demoModel } from './agent/demo-model.ts'
import { isLanguageModel, type LanguageModel } from './agent/model.ts'
import { isRecord } from './agent/parts.ts'
import { keyHint, keyVariable } from './provider-keys.ts'

type Environment = Readonly<Record<string, string | undefined>>

export interface ResolveOptions {
  /** The endpoint of `compatible/…` models, such as `http://127.0.0.1:11434/v1`. */
  readonly baseUrl?: string
  /** Default: `process.env`. */
  readonly env?: Environment
}

const OPTIONS: Fields<ResolveOptions> = { baseUrl: optional(aText), env: optional(anEnvironment) }

/** The model of an id. */
export async function resolveModel(id: string, options: ResolveOptions = {}): Promise<LanguageModel> {
  checkArgument('resolveModel', 'id', id, aWord)
  checkOptions('resolveModel', options, OPTIONS)
  const env = options.env ?? process.env
  const slash = id.indexOf('/')
  const provider = id.slice(0, Math.max(slash, 0))
  const name = id.slice(slash + 1)
  if (id === 'demo/agent') return demoModel()
  if (!/^[a-z0-9-]+$/.test(provider) || name === '') {
    const message = `a model is named provider/model, such as openai/gpt-5.6, compatible/llama3 or demo/agent, not ${JSON.stringify(id)}`
    throw new MeerkatError('invalid-params', message, { details: { model: id } })
  }
  if (provider === 'compatible') return await compatibleModel(name, options.baseUrl, env)
  if (options.baseUrl !== undefined) {
    const message = `${id} has its own endpoint: for the server at ${originOf(options.baseUrl)} say compatible/${name}`
    throw new MeerkatError('invalid-params', message, { details: { model: id } })
  }
  return await packagedModel(provider, name, env)
}

async function compatibleModel(name: string, given: string | undefined, env: Environment): Promise<LanguageModel> {
  const baseURL = filled(given) ?? filled(env['MEERKAT_BASE_URL']) ?? filled(env['OPENAI_BASE_URL'])
  if (baseURL === undefined) {
    const message = `compatible/${name} needs the URL of its server: say --base-url http://127.0.0.1:11434/v1, or set MEERKAT_BASE_URL`
    throw new MeerkatError('invalid-params', message)
  }
  if (!URL.canParse(baseURL))
    throw new MeerkatError('invalid-params', `the base URL ${JSON.stringify(baseURL)} is not a URL`)
  const apiKey = filled(env['MEERKAT_API_KEY']) ?? filled(env['COMPATIBLE_API_KEY']) ?? ownKey(baseURL, env)
  const settings = { name: 'compatible', baseURL, includeUsage: true, supportsStructuredOutputs: true }
  const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible')
  return createOpenAICompatible({ ...settings, ...(apiKey === undefined ? {} : { apiKey }) })(name)
}

/** OpenAI's own key is sent to OpenAI alone. */
function ownKey(baseUrl: string, env: Environment): string | undefined {
  return originOf(baseUrl) === 'https://api.openai.com' ? filled(env['OPENAI_API_KEY']) : undefined
}

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : url
}

function filled(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === '' ? undefined : value
}

async function packagedModel(provider: string, name: string, env: Environment): Promise<LanguageModel> {
  const variable = keyVariable(provider)
  const module = await importProvider(provider)
  const apiKey = variable === undefined ? undefined : filled(env[variable])
  if (variable !== undefined && apiKey === undefined) {
    throw new MeerkatError('unauthorized', `no key for ${provider}/${name}: ${keyHint(provider)}`, {
      details: { provider, variable },
    })
  }
  const maker = apiKey === undefined ? undefined : exportNamed(module, `create${provider}`)
  const made = maker === undefined ? exportNamed(module, provider) : maker({ apiKey })
  const model = isFunction(made) ? made(name) : undefined
  if (isLanguageModel(model)) return model
  throw new MeerkatError(
    'unsupported',
    `the package @ai-sdk/${provider} has no language models that can be named by an id: pass the model object to agent()`,
  )
}

async function importProvider(provider: string): Promise<Record<string, unknown>> {
  const specifier = `@ai-sdk/${provider}`
  try {
    const module: unknown = await import(specifier)
    if (isRecord(module)) return module
  } catch (cause) {
    const missing =
      cause instanceof Error &&
      'code' in cause &&
      cause.code === 'ERR_MODULE_NOT_FOUND' &&
      cause.message.includes(specifier)
    if (!missing) throw new MeerkatError('unsupported', `the package ${specifier} can't be loaded`, { cause })
  }
  throw new MeerkatError('unsupported', `the package ${specifier} is not installed: npm i ${specifier}`, {
    details: { package: specifier },
  })
}

/** An exported function by its name in any capitals: `createOpenAI`, `createGoogle`, `togetherai`. */
function exportNamed(module: Record<string, unknown>, name: string): AnyFunction | undefined {
  const wanted = name.replaceAll('-', '').toLowerCase()
  const named = Object.entries(module).filter(([key]) => key.toLowerCase() === wanted)
  return named.map(([, value]) => value).find(isFunction)
}

type AnyFunction = (argument?: unknown) => unknown

function isFunction(value: unknown): value is AnyFunction {
  return typeof value === 'function'
}
