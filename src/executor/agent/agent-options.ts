/**
 * What `agent()` takes, as data: for `agent()` itself, and for config files that give the same options. Nothing heavy is
 * loaded for it, for every command reads its config file.
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
import type { ExecutorModels } from '../executor.ts'
import type { ResolveOptions } from '../providers.ts'
import type { Budget } from './budget.ts'
import type { ModelFactory } from './choose-model.ts'
import type { CompactionOptions } from './compact.ts'
import { isLanguageModel, type LanguageModel } from './model.ts'
import type { CallSettings } from './settings.ts'
import type { AgentTool } from './tool.ts'

export type Tools = readonly AgentTool[] | Readonly<Record<string, AgentTool>>

/** Tools that depend on the session, asked for before every model call. */
export type ToolSource = (session: SessionOptions) => Tools | Promise<Tools>

export interface AgentOptions extends Budget, ResolveOptions {
  /**
   * A model of any AI SDK provider, an id such as `openai/gpt-5.6`, or a function that makes the model of an id. Sessions
   * and inputs may ask for another one by its id.
   */
  readonly model: LanguageModel | string | ModelFactory
  /**
   * Models that are asked, in this order, where another one has failed for good in a way that they need not: its provider
   * is down or overloaded, the account has no quota or no valid key, the model is gone. One that answers in the place of the
   * session's own model, or the default, stays until the session gets one by name.
   */
  readonly fallback?: readonly (LanguageModel | string)[]
  /** What the model of an id can do, where you know. */
  readonly capabilities?: (
    id: string,
  ) => SessionLlmCapabilitySurface | undefined | Promise<SessionLlmCapabilitySurface | undefined>
  /** Whether a session may switch to another model for some turns; it may unless told. */
  readonly approveSwitch?: NonNullable<ExecutorModels['approveSwitch']>
  readonly tools?: Tools | ToolSource
  /** The system prompt of sessions that have none of their own. Part of every request, of no record. */
  readonly system?: string | ((session: SessionOptions) => string | undefined)
  /** Model calls of one run; 50 unless told. */
  readonly maxTurns?: number
  /** Retries of a model call that failed in a way that another call may mend; 2 unless told. */
  readonly retries?: number
  /** Before the first retry, doubling from there; 1 s unless told. */
  readonly retryDelayMs?: number
  /**
   * No retry waits longer; 60 s unless told. A provider that asks for a certain wait gets it, within the run's deadline;
   * where this is told it is given up if it asks for more.
   */
  readonly maxRetryDelayMs?: number
  /** Longest silence in the middle of an answer; 2 min unless told. */
  readonly streamStallMs?: number
  /** Longest silence before the first content, for models that think; 5 min unless told. */
  readonly firstContentMs?: number
  /** Longest model call; 15 min unless told. */
  readonly callTimeoutMs?: number
  /** Longest answer in characters, with its reasoning and calls; 16 Mi unless told. A longer one is dropped. */
  readonly maxAnswerChars?: number
  /** Longest arguments of one tool call in characters; 1 Mi unless told. */
  readonly maxArgumentChars?: number
  /** Longest tool call, for tools that declare no limit; 60 s unless told. */
  readonly toolTimeoutMs?: number
  /**
   * Sums up the beginning of conversations that grow longer than told. Where nothing is told, of those that the provider
   * finds too long; `false` never does.
   */
  readonly compaction?: CompactionOptions | false
  /** Temperature, output limit, reasoning effort and the like, as the provider takes them. */
  readonly settings?: CallSettings
  /** From 0 to 1; for the jitter of retries. */
  readonly random?: () => number
  readonly ids?: Ids
  /** For ids; runs have the clock of their runtime. */
  readonly clock?: ClockSource
}

/** What `agent()` takes. */
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
/** Their values are the provider's business. */
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

/** Checks the options that have options of their own; `whose` comes before their names. */
export function checkNested(
  whose: string,
  { compaction, settings }: { readonly compaction?: unknown; readonly settings?: unknown },
): void {
  if (compaction !== undefined && compaction !== false) checkOptions(`${whose} compaction`, compaction, COMPACTION)
  if (settings !== undefined) checkOptions(`${whose} settings`, settings, SETTINGS)
}
