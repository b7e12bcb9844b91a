/** Schemas for tools, their calls, and the decisions that calls wait for. */
import { z } from 'zod'
import type { OperationSchemas } from '../operation.ts'
import { json, name, sessionId } from './fields.ts'
import { approval, call, callState, tool } from './shapes.ts'

const listTools = {
  doc: "Lists the tools of a session's next turn, and which of them its model may see.",
  input: z.strictObject({ sessionId }),
  output: z.object({
    generation: z.int().describe('Rises with every change of what the model may see.'),
    tools: z.array(tool),
  }),
} satisfies OperationSchemas

const names = z.array(name(200)).max(1000)
const revision = z.object({
  revision: z.int().describe('Under which it is staged; it rises with every change of what is staged.'),
})

const filterTools = {
  doc: 'Leaves the model some of the tools, from the next boundary or turn on; all of them where neither list is given.',
  input: z.strictObject({
    sessionId,
    allow: z.exactOptional(names).describe('Only these.'),
    deny: z.exactOptional(names).describe('None of these.'),
  }),
  output: revision,
} satisfies OperationSchemas

const requestTools = {
  doc: 'Shows deferred tools to the model, from the next boundary or turn on.',
  input: z.strictObject({ sessionId, names: names.min(1).describe('Deferred tools, as `tool/list` answers them.') }),
  output: revision,
} satisfies OperationSchemas

const listCalls = {
  doc: 'Lists the tool-effect ledger: every tool call of unfinished work, from its intent to its outcome.',
  input: z.strictObject({ sessionId, state: z.exactOptional(callState).describe('Only those in this state.') }),
  output: z.object({ calls: z.array(call) }),
} satisfies OperationSchemas

const resolve = {
  doc: 'Settles a call whose outcome was lost, by what you found out about it.',
  input: z.strictObject({
    sessionId,
    callId: name().describe('The call, as `call/list` answered it.'),
    resolution: z
      .enum(['retry', 'succeeded', 'failed'])
      .describe('`retry` if it may run again, else what became of it.'),
    output: z.exactOptional(json).describe('What the tool gave, where you know.'),
  }),
  output: z.object({ call }),
} satisfies OperationSchemas

const listApprovals = {
  doc: 'Lists the calls that wait for a decision.',
  input: z.strictObject({ sessionId }),
  output: z.object({ approvals: z.array(approval) }),
} satisfies OperationSchemas

const decide = {
  doc: 'Allows or denies a call that waits for approval.',
  input: z.strictObject({
    sessionId,
    approvalId: name().describe('The approval, as `approval/list` answered it.'),
    decision: z.enum(['allow', 'deny']),
    reason: z.exactOptional(z.string().min(1).max(2000)).describe('The agent reads it where you deny.'),
  }),
  output: z.object({ call }),
} satisfies OperationSchemas

export const toolOperations = {
  'tool/list': listTools,
  'tool/filter': filterTools,
  'tool/request': requestTools,
  'call/list': listCalls,
  'call/resolve': resolve,
  'approval/list': listApprovals,
  'approval/decide': decide,
}
