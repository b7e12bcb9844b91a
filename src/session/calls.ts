/** The tool-effect ledger and approvals, as people read them and decide on them. */
import { defined } from '../defined.ts'
import type { Transaction } from '../driver/transaction.ts'
import { MeerkatError } from '../errors.ts'
import type { CallId } from '../kernel/ids.ts'
import { mapGet, mapValues } from '../kernel/persistent-map.ts'
import type { ExpiringCall } from '../kernel/regions/calls/expiry.ts'
import type { CallEntry } from '../kernel/regions/calls/state.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { MessagePart, MessageRecord } from '../store/records.ts'
import type { JournalEntry } from '../store/store.ts'
import { iso } from './reads.ts'
import type { ApprovalView, CallView } from './views.ts'

/** Calls of unfinished work, oldest first, with their names and arguments from the journal. */
export function callViews(state: MeerkatState, journal: readonly JournalEntry[], wanted?: string): readonly CallView[] {
  const parts = journal.flatMap(({ message }) => partsOf(message))
  return [...mapValues(state.calls.open)]
    .filter(call => wanted === undefined || call.state === wanted)
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map(call => callView(call, parts))
}

export function approvalViews(state: MeerkatState, journal: readonly JournalEntry[]): readonly ApprovalView[] {
  return callViews(state, journal, 'awaitingApproval').map(
    ({ id, tool, args, inputId, since, expiresAt, onExpiry }) => ({
      id,
      tool,
      inputId,
      since,
      ...defined({ args, expiresAt, onExpiry }),
    }),
  )
}

/** The result that the model gets of a settled call; undefined for a call that is to be dispatched again. */
export type ModelResult = Extract<MessagePart, { readonly type: 'tool-result' }> | undefined

/** How a person settles a call whose outcome was lost. */
export interface Resolution {
  readonly resolution: 'retry' | 'succeeded' | 'failed'
  readonly output?: unknown
}

/** Settles a call whose outcome was lost. */
export function resolveCall(tx: Transaction, call: CallEntry, { resolution, output }: Resolution): ModelResult {
  tx.step({ type: 'ResolveCall', callId: call.id, resolution, at: tx.at })
  if (resolution === 'retry') return undefined
  const result =
    output ?? (resolution === 'succeeded' ? 'The call succeeded; its output was not kept.' : 'The call failed.')
  const failed = resolution === 'failed' ? { isError: true } : {}
  return { type: 'tool-result', callId: call.id, name: call.tool, output: result, ...failed }
}

/** How a person decides about a call that needs approval. */
export interface Decision {
  readonly decision: 'allow' | 'deny'
  readonly reason?: string
}

export function decide(tx: Transaction, call: CallEntry, { decision, reason }: Decision): ModelResult {
  tx.step({ type: 'DecideApproval', callId: call.id, decision, at: tx.at })
  tx.event({
    type: 'tool.approval-decided',
    data: { callId: call.id, name: call.tool, decision, ...(reason && { reason }) },
  })
  if (decision === 'allow') return undefined
  const output = `The call was not approved${reason === undefined ? '' : `: ${reason}`}.`
  return { type: 'tool-result', callId: call.id, name: call.tool, output, isError: true }
}

/** Decides an expired approval as its tool declared. A person's decision in the same moment comes first. */
export function expire(tx: Transaction, call: CallEntry, { expiry }: ExpiringCall): ModelResult {
  return decide(tx, call, { decision: expiry.decision, reason: `no decision came by ${iso(expiry.at)}` })
}

/** The call, or `not-found`. */
export function callOf(state: MeerkatState, sessionId: string, callId: string): CallEntry {
  const call = mapGet(state.calls.open, callId as CallId)
  if (call !== undefined) return call
  const message = `session ${sessionId} has no open call ${callId}: it was settled, or its work ended; \`call/list\` lists the open ones`
  throw new MeerkatError('not-found', message, { details: { sessionId, callId } })
}

function callView(call: CallEntry, parts: readonly MessagePart[]): CallView {
  const asked = parts.find(part => part.type === 'tool-call' && part.callId === call.id)
  const answered = parts.find(part => part.type === 'tool-result' && part.callId === call.id)
  return {
    id: call.id,
    inputId: call.work,
    tool: call.tool,
    policy: call.policy,
    state: call.state,
    since: iso(call.at),
    ...defined({ crashes: call.crashes }),
    ...(call.state === 'awaitingApproval' && expiryOf(call)),
    ...(asked?.type === 'tool-call' && { args: asked.args }),
    ...(answered?.type === 'tool-result' && { output: answered.output }),
  }
}

function expiryOf({ expiry }: CallEntry): Pick<CallView, 'expiresAt' | 'onExpiry'> {
  return expiry === undefined ? {} : { expiresAt: iso(expiry.at), onExpiry: expiry.decision }
}

function partsOf(message: MessageRecord): readonly MessagePart[] {
  return typeof message.content === 'string' ? [] : (message.content ?? [])
}
