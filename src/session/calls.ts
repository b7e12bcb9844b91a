/** The tool-effect ledger and approvals, as people see and settle them. */
import { defined } from '../defined.ts'
import { MeerkatError } from '../errors.ts'
import type { CallId } from '../kernel/ids.ts'
import { mapGet, mapValues } from '../kernel/persistent-map.ts'
import type { ExpiringCall } from '../kernel/regions/calls/expiry.ts'
import type { CallEntry, CallState } from '../kernel/regions/calls/state.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { MessagePart, MessageRecord } from '../store/records.ts'
import type { JournalEntry } from '../store/store.ts'
import type { ApprovalView, CallView } from './api.ts'
import type { LiveSession } from './live-session.ts'
import type { Mark } from './owned.ts'
import { iso } from './reads.ts'

/** Calls of unfinished work, oldest first, with what the journal knows of them. */
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

/** Settles a call whose outcome was lost. */
export async function resolveCall(
  live: LiveSession,
  callId: string,
  params: { readonly resolution: 'retry' | 'succeeded' | 'failed'; readonly output?: unknown },
  mark: Mark,
): Promise<CallState> {
  const { resolution, output } = params
  await live.settleCall(callId as CallId, (tx, call) => {
    mark(tx)
    tx.step({ type: 'ResolveCall', callId: call.id, resolution, at: tx.at })
    if (resolution === 'retry') return undefined
    const told =
      output ?? (resolution === 'succeeded' ? 'The call succeeded; its output was not kept.' : 'The call failed.')
    return {
      type: 'tool-result',
      callId: call.id,
      name: call.tool,
      output: told,
      ...(resolution === 'failed' && { isError: true }),
    }
  })
  return resolution === 'retry' ? 'owed' : resolution
}

/** Decides a call that needs approval. */
export async function decide(
  live: LiveSession,
  callId: string,
  params: { readonly decision: 'allow' | 'deny'; readonly reason?: string },
  mark: Mark,
): Promise<CallState> {
  const { decision, reason } = params
  await live.settleCall(callId as CallId, (tx, call) => {
    mark(tx)
    tx.step({ type: 'DecideApproval', callId: call.id, decision, at: tx.at })
    tx.event({
      type: 'tool.approval-decided',
      data: { callId: call.id, name: call.tool, decision, ...(reason && { reason }) },
    })
    if (decision === 'allow') return undefined
    const output = `The call was not approved${reason === undefined ? '' : `: ${reason}`}.`
    return { type: 'tool-result', callId: call.id, name: call.tool, output, isError: true }
  })
  return decision === 'allow' ? 'owed' : 'failed'
}

/** Decides as its tool declared, where nobody did in time. Somebody who does in the same moment comes first. */
export async function expireCall(live: LiveSession, { id, expiry }: ExpiringCall): Promise<void> {
  const reason = `nobody decided until ${iso(expiry.at)}`
  await decide(live, id, { decision: expiry.decision, reason }, () => {})
}

/** The call as it stands, or as it was settled if its work went on and ended meanwhile. */
export function callAfter(live: LiveSession, callId: string, before: CallView | undefined, state: CallState): CallView {
  const found = callViews(live.state, live.journal).find(call => call.id === callId)
  if (found !== undefined) return found
  if (before !== undefined) return { ...before, state }
  throw new MeerkatError('not-found', `call ${callId} ended with its work`)
}

/** The call, or `not-found`. */
export function callOf(state: MeerkatState, sessionId: string, callId: string): CallEntry {
  const call = mapGet(state.calls.open, callId as CallId)
  if (call !== undefined) return call
  const message = `session ${sessionId} has no open call ${callId}: it was settled, or its work ended`
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
    ...(call.crashes !== undefined && { crashes: call.crashes }),
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
