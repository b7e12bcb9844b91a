/** An agent's options with their defaults, and the part of them that goes into every request. */
import { wellFormed } from '../../foreign.ts'
import type { Ids } from '../../ids.ts'
import type { SessionId } from '../../kernel/ids.ts'
import type { SessionLlmCapabilitySurface } from '../../kernel/regions/llm/state.ts'
import type { SessionOptions } from '../../store/records.ts'
import type { RunPort } from '../executor.ts'
import type { RunningWork } from './background.ts'
import type { Budget } from './budget.ts'
import type { ModelChooser } from './choose-model.ts'
import type { CompactionOptions } from './compact.ts'
import type { CallOptions } from './model.ts'
import type { CallLimits } from './model-call.ts'
import type { RetryLimits } from './retry.ts'
import type { ToolLimits } from './run-tool.ts'
import type { ShownTool } from './shown-tools.ts'
import type { OutputSchema } from './structured.ts'
import type { AgentTool } from './tool.ts'

/** Settings that go to the model as they are. */
export type CallSettings = Pick<
  CallOptions,
  | 'maxOutputTokens'
  | 'temperature'
  | 'topP'
  | 'topK'
  | 'presencePenalty'
  | 'frequencyPenalty'
  | 'stopSequences'
  | 'seed'
  | 'reasoning'
  | 'headers'
  | 'providerOptions'
>

export interface Settings {
  readonly models: ModelChooser
  /** The ids of the models that are asked where one can't answer. */
  readonly fallback: readonly string[]
  /** Models of which the program was asked what they can do, and has not said for too long. */
  readonly silentOn: Set<string>
  /** What the model of an id can do, as far as the program knows. */
  readonly abilitiesOf?: (
    id: string,
  ) => SessionLlmCapabilitySurface | undefined | Promise<SessionLlmCapabilitySurface | undefined>
  /**
   * The present tools for a run, whether or not its model may see them. Throws `invalid-params` for values that are no
   * tools.
   */
  readonly toolsOf: (run: RunPort) => Promise<readonly AgentTool[]>
  readonly systemOf: (session: SessionOptions) => string | undefined
  readonly budget: Budget
  readonly limits: CallLimits
  readonly retries: RetryLimits
  readonly toolLimits: ToolLimits
  /** Absent: only where the provider finds a conversation too long. */
  readonly compaction?: CompactionOptions | false
  readonly call: CallSettings
  readonly ids: Ids
  readonly measured: Measured
  readonly begun: RunningWork
}

/** How long conversations were when a provider last counted them. A hint: the oldest are forgotten. */
export class Measured {
  readonly #tokens = new Map<SessionId, number>()

  get(sessionId: SessionId): number | undefined {
    return this.#tokens.get(sessionId)
  }

  set(sessionId: SessionId, tokens: number): void {
    this.#tokens.delete(sessionId)
    this.#tokens.set(sessionId, tokens)
    const [oldest] = this.#tokens.keys()
    if (this.#tokens.size > MAX_MEASURED && oldest !== undefined) this.#tokens.delete(oldest)
  }

  forget(sessionId: SessionId): void {
    this.#tokens.delete(sessionId)
  }
}

const MAX_MEASURED = 1000

/** A tool in the form that providers take. */
export function toolOption({
  name,
  tool: { description, inputSchema },
}: ShownTool): NonNullable<CallOptions['tools']>[number] {
  return { type: 'function', name, description: wellFormed(description), inputSchema }
}

/**
 * The request for a structured answer. OpenAI's strict mode refuses most schemas, so it is used only where the schema
 * fits.
 */
export function structuredFormat(
  { schema, strict }: OutputSchema,
  { providerOptions = {} }: CallSettings,
): Pick<CallOptions, 'responseFormat' | 'providerOptions'> {
  const responseFormat = { type: 'json', schema, name: 'answer' } as const
  if (strict) return { responseFormat }
  const loose = Object.fromEntries(
    ['openai', 'openaiCompatible'].map(name => [name, { strictJsonSchema: false, ...providerOptions[name] }]),
  )
  return { responseFormat, providerOptions: { ...providerOptions, ...loose } }
}
