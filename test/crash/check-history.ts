/** What has to hold of a log after any number of crashes. */

import { readFileSync } from 'node:fs'
import type { EventView } from '../../src/events.ts'
import { createRuntime, type Runtime } from '../../src/index.ts'
import { SessionHandle } from '../../src/session/handle.ts'
import type { StoreSource } from '../../src/store/store.ts'

/** What was seen, for the summary. */
export interface Tally {
  inputs: number
  runs: number
  /** Times a call's outcome was lost and nobody knew. */
  unknown: number
  /** Effects of tool calls. */
  effects: number
  /** Effects of a call beyond its first. */
  repeated: number
  readonly ended: Readonly<Record<string, number>>
}

const ENDS = new Set(['consumed', 'superseded', 'coalesced', 'abandoned', 'withdrawn'].map(end => `input.${end}`))
const RUN_ENDS = new Set(['completed', 'failed', 'cancelled', 'parked', 'interrupted'].map(end => `run.${end}`))

/** Reads the whole log and names everything that is wrong with it. */
export async function checkHistory(campaign: {
  readonly store: StoreSource
  readonly effects: string
  readonly sessions: readonly string[]
  /** Inputs by key, as they were acknowledged. */
  readonly accepted: ReadonlyMap<string, string>
}): Promise<{ readonly tally: Tally; readonly faults: readonly string[] }> {
  await using runtime = await createRuntime({ store: campaign.store, recover: false })
  const faults: string[] = []
  const tally = { inputs: 0, runs: 0, unknown: 0, effects: 0, repeated: 0, ended: {} as Record<string, number> }
  const policies = new Map<string, string>()
  const ended = new Map<string, number>()
  for (const session of campaign.sessions) {
    const events = await eventsOf(runtime, session)
    faults.push(...inputFaults(events), ...orderFaults(events), ...runFaults(events))
    faults.push(...(await auditFaults(runtime, session)))
    for (const event of events) {
      if (event.type === 'input.accepted') tally.inputs++
      if (event.type === 'run.started') tally.runs++
      if (event.type === 'tool.unknown') tally.unknown++
      if (event.type === 'tool.started') policies.set(String(event['callId']), String(event['name']))
      if (!ENDS.has(event.type)) continue
      const status = [event.type.slice('input.'.length), event['reason']].filter(Boolean).join(' ')
      tally.ended[status] = (tally.ended[status] ?? 0) + 1
      ended.set(String(event.inputId), (ended.get(String(event.inputId)) ?? 0) + 1)
    }
  }
  for (const [key, inputId] of campaign.accepted) {
    const times = ended.get(inputId) ?? 0
    if (times !== 1) faults.push(`input ${inputId} (${key}) was acknowledged and ended ${times} times`)
  }
  faults.push(...effectFaults(campaign.effects, policies, tally))
  return { tally, faults }
}

export async function eventsOf(runtime: Runtime, sessionId: string): Promise<readonly EventView[]> {
  const all: EventView[] = []
  for (let after = '0'; ; ) {
    const { events, cursor } = await runtime.events({ sessionId, after, limit: 1_000 })
    if (events.length === 0) return all
    all.push(...events)
    after = cursor
  }
}

/** Every input ended, and once; nothing was consumed twice. */
function inputFaults(events: readonly EventView[]): readonly string[] {
  const accepted = events.filter(({ type }) => type === 'input.accepted').map(({ inputId }) => inputId)
  const ends = Map.groupBy(
    events.filter(({ type }) => ENDS.has(type)),
    ({ inputId }) => inputId,
  )
  return [
    ...(new Set(accepted).size === accepted.length ? [] : ['an input was accepted twice']),
    ...accepted
      .filter(id => ends.get(id)?.length !== 1)
      .map(
        id =>
          `input ${id} ended as [${
            ends
              .get(id)
              ?.map(({ type }) => type)
              .join(', ') ?? ''
          }]`,
      ),
  ]
}

/** Inputs of a lane come to their first attempt in the order in which they were accepted. */
function orderFaults(events: readonly EventView[]): readonly string[] {
  const places = new Map<string, { readonly lane: string; readonly place: number }>()
  const reached: Record<string, number> = {}
  const seen = new Set<string>()
  const faults: string[] = []
  for (const { type, inputId, ...data } of events) {
    if (inputId === undefined) continue
    if (type === 'input.queued' && !places.has(inputId))
      places.set(inputId, { lane: data['lane'] === 'steer' ? 'steer' : 'queue', place: places.size })
    if ((type !== 'input.staged' && type !== 'input.steered') || seen.has(inputId)) continue
    seen.add(inputId)
    const { lane, place } = places.get(inputId) ?? { lane: 'none', place: -1 }
    if (place < (reached[lane] ?? 0)) faults.push(`input ${inputId} was overtaken in its lane`)
    reached[lane] = Math.max(reached[lane] ?? 0, place)
  }
  return faults
}

/** One run at a time, each ended once, with dense receipts. */
function runFaults(events: readonly EventView[]): readonly string[] {
  const faults: string[] = []
  let current: string | undefined
  let boundary = 0
  for (const event of events) {
    const { type, runId } = event
    if (type === 'run.started') {
      if (current !== undefined) faults.push(`run ${runId} began while run ${current} was current`)
      current = runId
      boundary = 0
    }
    if (type === 'run.boundary') {
      boundary++
      if (runId !== current || event['boundary'] !== boundary)
        faults.push(`run ${runId} has receipt ${String(event['boundary'])} where ${boundary} was due`)
    }
    if (!RUN_ENDS.has(type)) continue
    if (runId !== current) faults.push(`run ${runId} ended (${type}) while ${current ?? 'none'} was current`)
    current = undefined
  }
  return current === undefined ? faults : [...faults, `run ${current} never ended`]
}

async function auditFaults(runtime: Runtime, session: string): Promise<readonly string[]> {
  const { ok, firstIllegal } = await runtime.audit(session)
  const { id, messages, unfinished } = await runtime.get(session)
  const history = await new SessionHandle(runtime, id).history()
  return [
    ...(ok ? [] : [`session ${session} does not audit: ${JSON.stringify(firstIllegal)}`]),
    ...(unfinished === 0 ? [] : [`session ${session} still owes ${unfinished} inputs`]),
    ...(history.length === messages ? [] : [`session ${session} has ${history.length} of ${messages} messages`]),
  ]
}

/** No effect without an intent; none twice but of calls that may be repeated. */
function effectFaults(path: string, policies: ReadonlyMap<string, string>, tally: Tally): readonly string[] {
  const faults: string[] = []
  const counts = new Map<string, number>()
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const [callId = '', policy = ''] = line.split(' ')
    if (callId === '') continue
    tally.effects++
    const count = (counts.get(callId) ?? 0) + 1
    counts.set(callId, count)
    if (count > 1) tally.repeated++
    if (policies.get(callId) !== policy) faults.push(`call ${callId} (${policy}) had an effect and no intent`)
    if (count > 1 && policy !== 'retry') faults.push(`call ${callId} (${policy}) had ${count} effects`)
  }
  return faults
}
