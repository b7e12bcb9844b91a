/** An agent on a scripted server, and what its runs come to. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { expect } from 'vitest'
import { z } from 'zod'
import { type AgentOptions, type AgentTool, agent, tool } from '../../src/executor/agent/index.ts'
import type { ApplyOutput, CoreExecutor } from '../../src/executor/executor.ts'
import type { MessageRecord } from '../../src/store/records.ts'
import { FakePort, type FakeRun } from './fake-port.ts'
import { ManualClock } from './manual-clock.ts'
import type { OpenAiServer } from './openai-server.ts'

/** A model that is served by the scripted server. */
export function modelOn(server: Pick<OpenAiServer, 'url'>) {
  return createOpenAICompatible({
    name: 'test',
    baseURL: server.url,
    includeUsage: true,
    supportsStructuredOutputs: true,
  })('m')
}

/** An agent on the server, without jitter. */
export function agentOn(server: Pick<OpenAiServer, 'url'>, options: Partial<AgentOptions> = {}): CoreExecutor {
  return agent({ model: modelOn(server), random: () => 1, ...options })
}

/** A tool that answers what it was asked, and may be told to do something else. */
export function lookup(
  execute: (place: string, context: Parameters<AgentTool['execute']>[1]) => unknown = place => `seen: ${place}`,
  more: Partial<Pick<AgentTool, 'onLost' | 'timeoutMs'>> & { name?: string; needsApproval?: boolean } = {},
): AgentTool {
  return tool({
    name: 'look',
    description: 'Looks at a place.',
    input: z.object({ place: z.string() }),
    ...more,
    execute: ({ place }, context) => execute(place, context),
  })
}

/** The text of an output's or report's message. */
export function said(message: MessageRecord | undefined): string {
  const { content = '' } = message ?? {}
  return typeof content === 'string' ? content : content.map(part => (part.type === 'text' ? part.text : '')).join('')
}

export function textOf(output: ApplyOutput): string | undefined {
  return output.type !== 'parked' && output.message !== undefined ? said(output.message) : undefined
}

/** A run that starts at once, with its clock at hand. */
export function start(executor: CoreExecutor, run: FakeRun = {}) {
  const clock = new ManualClock()
  const port = new FakePort({ clock, ...run })
  const output = executor.apply(port)
  return { port, clock, output }
}

/** Matches a string with this in it. */
export function saying(pattern: string | RegExp): unknown {
  return typeof pattern === 'string' ? expect.stringContaining(pattern) : expect.stringMatching(pattern)
}
