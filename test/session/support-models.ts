/** A set of models by id, each of which says which one it is, and everything that they were asked. */
import { z } from 'zod'
import { agent } from '../../src/executor/agent/agent.ts'
import type { AgentOptions } from '../../src/executor/agent/agent-options.ts'
import type { CallOptions, LanguageModel } from '../../src/executor/agent/model.ts'
import { type AgentTool, tool } from '../../src/executor/agent/tool.ts'
import { type CoreExecutor, MeerkatError } from '../../src/index.ts'
import { type Line, scriptOf } from '../support/scripted-model.ts'

export interface Models {
  readonly executor: CoreExecutor
  /** The ids of the models, in the order in which they were asked. */
  readonly asked: string[]
  /** What was sent to them, likewise: the model, and the names of the tools that it was shown. */
  readonly sent: string[]
}

/** Models named `m/…`; `default` is the one of sessions that name none. What `lines` says of an id it says instead of its id. */
export function modelsById(
  lines: Readonly<Record<string, (call: number, options: CallOptions) => Line | Promise<Line>>> = {},
  options: Partial<AgentOptions> = {},
): Models {
  const asked: string[] = []
  const sent: string[] = []
  const model = (id = 'm/default'): LanguageModel => {
    if (!id.startsWith('m/')) throw new MeerkatError('unsupported', `there is no model ${id}: take m/a`)
    return {
      ...scriptOf([]),
      provider: 'm',
      modelId: id.slice(2),
      doStream: async (call: CallOptions) => {
        asked.push(id)
        sent.push([id, ...(call.tools ?? []).map(({ name }) => name)].join(' '))
        const line = (await lines[id]?.(asked.length, call)) ?? { say: id }
        return scriptOf([line]).doStream(call)
      },
    }
  }
  return { asked, sent, executor: agent({ model, retries: 0, retryDelayMs: 1, ...options }) }
}

/** A tool whose calls take as long as `until` does. */
export function looking(until: () => Promise<unknown> = () => Promise.resolve()): AgentTool {
  const execute = async (): Promise<string> => {
    await until()
    return 'seen'
  }
  return tool({ name: 'look', description: 'Looks.', input: z.object({}), onLost: 'retry', execute })
}
