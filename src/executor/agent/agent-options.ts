/**
 * The options of `agent()`, as data: for `agent()` itself, and for config files that give the same options. It loads
 * nothing heavy, because every command of the CLI reads its config file.
 */
import type { Ids } from '../../ids.ts'
import type { SessionLlmCapabilitySurface } from '../../kernel/regions/llm/state.ts'
import {
  aClock,
  aCount,
  aDelay,
  aDuration,
  aFunction,
  anEnvironment,
  anObject,
  aText,
  checkOptions,
  either,
  type Fields,
  isFunction,
  optional,
} from '../../options.ts'
import type { SessionOptions } from '../../store/records.ts'
import type { ClockSource } from '../../time.ts'
import { aBuiltins, type Builtins, checkBuiltins } from '../../tools/builtins.ts'
import type { ExecutorModels } from '../executor.ts'
import type { ResolveOptions } from '../providers.ts'
import type { Budget } from './budget.ts'
import type { ModelFactory } from './choose-model.ts'
import type { CompactionOptions } from './compact.ts'
import { isLanguageModel, type LanguageModel } from './model.ts'
import type { CallSettings } from './settings.ts'
import type { AgentTool } from './tool.ts'

export type Tools = readonly AgentTool[] | Readonly<Record<string, AgentTool>>

/** Tools that depend on the session; called before every model call. */
export type ToolSource = (session: SessionOptions) => Tools | Promise<Tools>

export interface AgentOptions extends Budget, ResolveOptions {
  /**
   * A model of any AI SDK provider, an id such as `openai/gpt-5.6`, or a function that makes the model of an id.
   * Sessions and inputs may ask for another model by its id.
   */
  readonly model: LanguageModel | string | ModelFactory
  /**
   * Models that are asked, in this order, when another one has failed for good for a reason that need not hold for
   * them: its provider is down or overloaded, the account has no quota or no valid key, the model is gone. One that
   * answers in the place of the session's own model, or of the default, stays until the session is given a model by
   * name.
   */
  readonly fallback?: readonly (LanguageModel | string)[]
  /** What the model of an id can do, where the program knows. */
  readonly capabilities?: (
    id: string,
  ) => SessionLlmCapabilitySurface | undefined | Promise<SessionLlmCapabilitySurface | undefined>
  /** Whether a session may switch to another model for some turns. Default: it may. */
  readonly approveSwitch?: NonNullable<ExecutorModels['approveSwitch']>
  readonly tools?: Tools | ToolSource
  /**
   * Tools that come with the package, each off until it is named: `['files', 'fetch']`, or with options
   * `{ files: { roots: ['src'] } }`.
   */
  readonly builtins?: Builtins
  /** The system prompt of sessions without one of their own. It is part of every request, and stored in no record. */
  readonly system?: string | ((session: SessionOptions) => string | undefined)
  /** How many model calls one run may make; default 50. */
  readonly maxTurns?: number
  /** How often a model call is retried that failed in a way that another call may mend; default 2. */
  readonly retries?: number
  /** The wait before the first retry; it doubles from there. Default 1 s. */
  readonly retryDelayMs?: number
  /**
   * The longest wait before a retry; default 60 s. A provider that asks for a certain wait gets it, within the run's
   * deadline; where this option is given, a provider that asks for more is given up.
   */
  readonly maxRetryDelayMs?: number
  /** The longest silence in the middle of an answer; default 2 min. */
  readonly streamStallMs?: number
  /** The longest silence before the first content, for models that think; default 5 min. */
  readonly firstContentMs?: number
  /** The longest model call; default 15 min. */
  readonly callTimeoutMs?: number
  /** The longest answer in characters, with its reasoning and calls; default 16 Mi. A longer one is dropped. */
  readonly maxAnswerChars?: number
  /** The longest arguments of one tool call in characters; default 1 Mi. */
  readonly maxArgumentChars?: number
  /** The longest call of a tool that declares no limit; default 60 s. */
  readonly toolTimeoutMs?: number
  /**
   * Summarises the beginning of conversations that grow longer than this option says. Without it, of those that the
   * provider finds too long; `false`: never.
   */
  readonly compaction?: CompactionOptions | false
  /** Temperature, output limit, reasoning effort and the like, as the provider takes them. */
  readonly settings?: CallSettings
  /** Answers numbers from 0 to 1, for the jitter of retries. */
  readonly random?: () => number
  readonly ids?: Ids
  /** The clock for ids; runs use the clock of their runtime. */
  readonly clock?: ClockSource
}

/** The form of the options. */
export const AGENT_OPTIONS: Fields<AgentOptions> = {
  model: { wanted: 'a language model, a text such as openai/gpt-5.6, or a function', fits: isModelOption },
  fallback: optional({
    wanted: 'a list of language models and texts such as openai/gpt-5.6',
    fits: value => Array.isArray(value) && value.every(one => !isFunction(one) && isModelOption(one)),
  }),
  capabilities: optional(aFunction),
  approveSwitch: optional(aFunction),
  tools: optional({
    wanted: 'a list, a record or a function',
    fits: value => isFunction(value) || (typeof value === 'object' && value !== null),
  }),
  builtins: optional(aBuiltins),
  system: optional(either(aText, aFunction)),
  maxTurns: optional(aCount),
  maxTokens: optional(aCount),
  maxToolCalls: optional(aCount),
  retries: optional(aCount),
  retryDelayMs: optional(aDelay),
  maxRetryDelayMs: optional(aDelay),
  streamStallMs: optional(aDuration),
  firstContentMs: optional(aDuration),
  callTimeoutMs: optional(aDuration),
  maxAnswerChars: optional(aCount),
  maxArgumentChars: optional(aCount),
  toolTimeoutMs: optional(aDuration),
  compaction: optional(either({ wanted: 'false', fits: value => value === false }, anObject)),
  settings: optional(anObject),
  random: optional(aFunction),
  ids: optional(anObject),
  clock: optional(aClock),
  baseUrl: optional(aText),
  env: optional(anEnvironment),
}

const COMPACTION: Fields<CompactionOptions> = { thresholdTokens: aCount, keepTurns: optional(aCount) }

const anything = optional({ wanted: 'anything', fits: () => true })
/** The provider checks their values. */
const SETTINGS: Fields<CallSettings> = {
  maxOutputTokens: anything,
  temperature: anything,
  topP: anything,
  topK: anything,
  presencePenalty: anything,
  frequencyPenalty: anything,
  stopSequences: anything,
  seed: anything,
  reasoning: anything,
  headers: anything,
  providerOptions: anything,
}

function isModelOption(value: unknown): boolean {
  return isFunction(value) || (typeof value === 'string' && value !== '') || isLanguageModel(value)
}

interface Nested {
  readonly compaction?: unknown
  readonly settings?: unknown
  readonly builtins?: unknown
}

/** Checks the options that have options of their own; `whose` is put before their names. */
export function checkNested(whose: string, { compaction, settings, builtins }: Nested): void {
  if (compaction !== undefined && compaction !== false) checkOptions(`${whose} compaction`, compaction, COMPACTION)
  if (settings !== undefined) checkOptions(`${whose} settings`, settings, SETTINGS)
  // Its field was checked.
  if (builtins !== undefined) checkBuiltins(whose.replace(/:$/, ''), builtins as Builtins)
}
