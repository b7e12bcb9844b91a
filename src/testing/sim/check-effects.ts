/** The checker's rules about calls of tools. */
import type { Effect, History, Violation } from './history.ts'

/** No tool is called before its intent is on disk; none twice, unless its policy or a person decided so. */
export function effectRules({ effects, sessions, told }: History): readonly Violation[] {
  const started = new Map<string, number>()
  for (const { events } of sessions) {
    for (const event of events) {
      if (event.type !== 'tool.started') continue
      const callId = String(event['callId'])
      if (!started.has(callId)) started.set(callId, Number(event.cursor.split('.')[0]))
    }
  }
  const retried = new Map<string, number>()
  for (const one of told) {
    if (one.type === 'resolve' && one.resolution === 'retry')
      retried.set(one.callId, (retried.get(one.callId) ?? 0) + 1)
  }
  const unannounced = effects.filter(
    ({ callId, position }) => (started.get(callId) ?? Number.POSITIVE_INFINITY) > position,
  )
  const byCall = Map.groupBy(effects, ({ callId }) => callId)
  return [
    ...unannounced.map(
      ({ callId, tool }): Violation => ({
        rule: 'effect-unannounced',
        text: `call ${callId} of ${tool} took effect before its intent was recorded`,
      }),
    ),
    ...[...byCall.values()].flatMap(calls => repeated(calls, retried)),
  ]
}

function repeated(calls: readonly Effect[], retried: ReadonlyMap<string, number>): readonly Violation[] {
  const [first] = calls
  if (first === undefined) return []
  const { callId, policy, tool } = first
  const runs = new Set(calls.map(({ runId }) => runId)).size
  const allowed = policy === 'retry' ? runs : policy === 'ask' ? 1 + (retried.get(callId) ?? 0) : 1
  if (calls.length <= allowed) return []
  const text = `call ${callId} of ${tool} (${policy}) took effect ${calls.length} times in ${runs} runs, ${allowed} allowed`
  return [{ rule: 'effect-repeated', text }]
}
