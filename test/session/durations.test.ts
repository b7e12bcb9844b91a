/** Every door that takes a duration refuses one that makes no sense, in the same words. */
import { expect, test } from 'vitest'
import { z } from 'zod'
import { agent, tool } from '../../src/executor/agent/index.ts'
import { createRuntime } from '../../src/index.ts'
import { MeerkatMachine } from '../../src/runtime.ts'
import { postgres } from '../../src/store/postgres/index.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import { scriptedExecutor } from '../../src/testing/index.ts'
import { failureOf, freshStore, start } from './support.ts'

const ABSURD: readonly unknown[] = [9e15, -1, Number.NaN, Number.POSITIVE_INFINITY, '5', null, {}, 2n]

type Door = (ms: never) => unknown

test.each(ABSURD.map(value => [typeof value, value] as const))('a duration such as %s %s is refused', async (_, ms) => {
  const runtime = await start({ store: freshStore('memory'), executor: scriptedExecutor(() => 'ok') })
  await runtime.open({ sessionId: 's' })
  const { inputId } = await runtime.send('s', { content: 'hello' })
  const doors: Readonly<Record<string, Door>> = {
    'schedule.inMs': inMs => runtime.schedule('s', { content: 'x', inMs }),
    'schedule.everyMs': everyMs => runtime.schedule('s', { content: 'x', everyMs }),
    'send.maxRunMs': maxRunMs => runtime.send('s', { content: 'x', maxRunMs }),
    'send.waitMs': waitMs => runtime.send('s', { content: 'x', waitMs }),
    wait: waitMs => runtime.wait('s', inputId, waitMs),
    events: waitMs => runtime.events({ sessionId: 's', waitMs }),
    'open.budget': maxRunMs => runtime.open({ sessionId: 't', budget: { maxRunMs } }),
    drain: graceMs => runtime.drain(graceMs),
    prune: eventsAfterMs => runtime.prune({ eventsAfterMs }),
    'createRuntime.maxRunMs': maxRunMs => createRuntime({ maxRunMs }),
    'createRuntime.abortGraceMs': abortGraceMs => createRuntime({ abortGraceMs }),
    'createRuntime.idleMs': idleMs => createRuntime({ idleMs }),
    'createRuntime.recoverEveryMs': recoverEveryMs => createRuntime({ recoverEveryMs }),
    'createRuntime.retention': deltasAfterMs => createRuntime({ retention: { deltasAfterMs } }),
    'MeerkatMachine.maxRunMs': maxRunMs => MeerkatMachine.ephemeral({ maxRunMs }),
    'sqlite.leaseMs': leaseMs => sqlite('x.db', { leaseMs }),
    'sqlite.lockTimeoutMs': lockTimeoutMs => sqlite('x.db', { lockTimeoutMs }),
    'postgres.leaseMs': leaseMs => postgres('postgres://u:p@localhost/d', { leaseMs }),
    'postgres.statementTimeoutMs': statementTimeoutMs => postgres('postgres://u:p@localhost/d', { statementTimeoutMs }),
    'agent.callTimeoutMs': callTimeoutMs => agent({ model: 'demo/agent', callTimeoutMs }),
    'agent.toolTimeoutMs': toolTimeoutMs => agent({ model: 'demo/agent', toolTimeoutMs }),
    'tool.timeoutMs': timeoutMs =>
      tool({ name: 't', description: 'x', input: z.object({}), timeoutMs, execute: () => 'x' }),
  }
  for (const [door, open] of Object.entries(doors)) {
    const failed = await failureOf(Promise.resolve().then(() => open(ms as never)))
    expect([door, failed.code]).toEqual([door, 'invalid-params'])
    expect(failed.message).toMatch(/Ms (must be|is)/)
  }
  expect(await runtime.schedules('s')).toEqual([])
  expect((await runtime.inputs('s', {})).items).toHaveLength(1)
})
