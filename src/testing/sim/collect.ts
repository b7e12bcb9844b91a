/** Reads the sessions of the store after a simulation, through the public API. */

import { defined } from '../../defined.ts'
import type { EventView } from '../../events.ts'
import type { SessionId } from '../../kernel/ids.ts'
import { createRuntime } from '../../session/create-runtime.ts'
import type { Runtime } from '../../session/runtime.ts'
import type { LogRow, Store, StoreSource } from '../../store/store.ts'
import { messageText } from '../../text.ts'
import type { Clock } from '../../time.ts'
import type { SessionHistory } from './history.ts'

/** The sessions' histories, and the faults that the runtime's own audit finds. */
export async function collect(
  source: StoreSource,
  clock: Clock,
  ids: readonly string[],
): Promise<{ readonly sessions: readonly SessionHistory[]; readonly faults: readonly string[] }> {
  await using runtime = await createRuntime({ store: source, recover: false, clock })
  const store = await source.open()
  const sessions: SessionHistory[] = []
  const faults: string[] = []
  for (const id of ids) {
    sessions.push({ id, events: await eventsOf(runtime, id), ...(await recordsOf(store, id)) })
    faults.push(...(await soundness(runtime, id)))
  }
  await store.close()
  return { sessions, faults }
}

async function soundness(runtime: Runtime, id: string): Promise<readonly string[]> {
  const audit = await runtime.audit(id)
  const messages = await messagesIn(runtime, id)
  const counted = (await runtime.get(id)).messages
  return [
    ...(audit.ok ? [] : [`session ${id} does not audit: ${JSON.stringify(audit.firstIllegal)}`]),
    ...(messages === counted ? [] : [`session ${id} has ${messages} of ${counted} messages`]),
  ]
}

async function messagesIn(runtime: Runtime, sessionId: string): Promise<number> {
  let count = 0
  for (let after: number | undefined; ; ) {
    const { messages, next } = await runtime.history(sessionId, { limit: 1_000, ...defined({ after }) })
    count += messages.length
    if (next === undefined) return count
    after = next
  }
}

async function eventsOf(runtime: Runtime, sessionId: string): Promise<readonly EventView[]> {
  const all: EventView[] = []
  for (let after = '0'; ; ) {
    const { events, cursor } = await runtime.events({ sessionId, after, limit: 200 })
    if (events.length === 0) return all
    all.push(...events)
    after = cursor
  }
}

async function recordsOf(store: Store, id: string): Promise<Pick<SessionHistory, 'inputs' | 'ended'>> {
  const rows: LogRow[] = []
  for (let after = 0; ; ) {
    const page = await store.read({ sessionId: id as SessionId, after, limit: 200 })
    const last = page.at(-1)
    if (last === undefined) break
    rows.push(...page)
    after = last.position
  }
  return {
    inputs: rows.flatMap(({ position, record }) => (record.inputs ?? []).map(input => ({ ...input, position }))),
    ended: rows.flatMap(({ position, record }) =>
      (record.ended ?? []).map(ended => {
        const { message, text } = ended.result ?? {}
        const said = message === undefined ? text : messageText(record.messages?.[message])
        return { ...ended, position, ...defined({ text: said }) }
      }),
    ),
  }
}
