import type { CoreExecutor, RunPort } from 'meerkat-ts'
import type { CallId } from 'meerkat-ts/kernel'

/** What the executor can do. Tools that are deferred are hidden until somebody asks for them (`tool/request`). */
const TOOLS = [
  { name: 'read', deferred: false, run: (args: unknown) => ({ read: args }) },
  { name: 'write', deferred: false, run: (args: unknown) => ({ wrote: args }) },
  { name: 'archive', deferred: true, run: (args: unknown) => ({ archived: args }) },
]

export type Ask = (request: {
  readonly messages: ReturnType<RunPort['journal']>
  readonly tools: readonly string[]
}) => Promise<{ readonly text: string } | { readonly callId: string; readonly name: string; readonly args: unknown }>

/** An executor that asks a model of your own. */
export function ownExecutor(ask: Ask): CoreExecutor {
  return {
    name: 'own',
    // For `tool/list`, and for the names that `tool/filter` takes.
    tools: () =>
      TOOLS.map(({ name, deferred }) => ({ name, deferred, policy: 'retry' as const, needsApproval: false })),
    async apply(port) {
      for (let turn = port.turnsSoFar + 1; ; turn++) {
        // Before each request: what of the tools the model may see. Calls that it asks for now are for these.
        const { tools } = await port.tools(TOOLS)
        const shown = tools.filter(({ state }) => state === 'visible')
        const reply = await ask({ messages: port.journal(), tools: shown.map(({ name }) => name) })
        if ('text' in reply) return { type: 'completed', turn, message: { role: 'assistant', content: reply.text } }
        const { name, args } = reply
        const callId = reply.callId as CallId
        const message = { role: 'assistant', content: [{ type: 'tool-call', callId, name, args }] } as const
        await port.intend({ turn, message, calls: [{ callId, tool: name, policy: 'retry' }] })
        const meant = shown.find(one => one.name === name)
        const tool = meant && TOOLS[meant.index]
        // A tool that the request did not show is never run, whatever the model asks for.
        await port.outcomes([
          tool === undefined
            ? { callId, name, ok: false, code: 'unknown-tool', output: `There is no tool named ${name}.` }
            : { callId, name, ok: true, output: tool.run(args) },
        ])
        // Filters and requests that came meanwhile are in force from here on.
        const { next } = await port.boundary({ turn })
        if (next === 'cancelled') return { type: 'cancelled', turn }
      }
    },
  }
}
