/** Databases of every release so far, opened by this one: nothing in them is lost, and what they owe is done. */
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createRuntime, type Runtime } from '../../src/index.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import { type ScriptedExecutor, scriptedExecutor } from '../../src/testing/index.ts'

const FOLDER = fileURLToPath(new URL('.', import.meta.url))
const GOLDEN = readdirSync(FOLDER).filter(name => name.endsWith('.db'))
const WAIT_MS = 10_000

const SESSIONS = [
  'answered',
  'approval',
  'destroy-session',
  'forked',
  'lost-call',
  'queued',
  'retire-session',
  'stop-session',
]

/** A runtime on a copy of the file. */
async function opened(name: string, executor = scriptedExecutor(run => `now: ${run.said}`)): Promise<Runtime> {
  const folder = mkdtempSync(join(tmpdir(), 'meerkat-golden-'))
  const path = join(folder, basename(name))
  copyFileSync(join(FOLDER, name), path)
  const runtime = await createRuntime({ store: sqlite(path), executor, abortGraceMs: 100 })
  onTestFinished(async () => {
    await runtime.close()
    rmSync(folder, { recursive: true })
  })
  return runtime
}

/** Answers every run that comes, the calls of earlier attempts first. */
async function answerAll(executor: ScriptedExecutor): Promise<never> {
  for (;;) {
    const run = await executor.next()
    if (run.port.calls().length > 0) await run.boundary()
    run.answer('done')
  }
}

test('there is one of every schema so far', () => {
  expect(GOLDEN).toEqual(['sqlite-v1.db', 'sqlite-v2.db', 'sqlite-v3.db', 'sqlite-v4.db', 'sqlite-v5.db'])
})

describe.each(GOLDEN)('%s', name => {
  test('shows every session with its history, and its log is sound', async () => {
    const runtime = await opened(name)
    const { items } = await runtime.list({})
    expect(items.map(({ id }) => id)).toEqual(SESSIONS)
    for (const { id } of items) expect([id, await runtime.audit(id)]).toMatchObject([id, { ok: true }])
    const { messages } = await runtime.history('answered', {})
    expect(messages.map(({ role }) => role)).toEqual([
      'user',
      'assistant',
      'user',
      'assistant',
      'tool',
      'user',
      'assistant',
    ])
    expect(messages.at(-1)?.content).toBe('It is nearly full.')
    expect((await runtime.history('forked', {})).messages).toHaveLength(2)
    expect((await runtime.get('answered')).labels).toEqual({ team: 'ops' })
    expect((await runtime.get('stop-session')).phase).toBe('stopped')
    expect((await runtime.get('retire-session')).phase).toBe('retired')
    expect((await runtime.get('destroy-session')).phase).toBe('destroyed')
  })

  test('remembers what was sent: keys, steers and their receipts', async () => {
    const runtime = await opened(name)
    const again = await runtime.send('answered', { content: 'hello', idempotencyKey: 'hello-1' })
    expect(again).toMatchObject({ outcome: 'deduplicated', status: 'consumed', result: { text: 'hello to you' } })
    const { items } = await runtime.inputs('answered', {})
    expect(items.find(({ mode }) => mode === 'steer')?.receipt).toMatchObject({ type: 'steered', boundary: 1 })
    const { events } = await runtime.events({ sessionId: 'answered', limit: 1_000 })
    expect(events.map(({ type }) => type)).toContain('tool.completed')
  })

  test('has what it owes done', async () => {
    const runtime = await opened(name)
    const { items } = await runtime.inputs('queued', {})
    expect(items).toHaveLength(3)
    for (const { id } of items) {
      expect(await runtime.wait('queued', id, WAIT_MS)).toMatchObject({ status: 'consumed' })
    }
    expect(await runtime.send('stop-session', { content: 'wake up', resume: true, waitMs: WAIT_MS })).toMatchObject({
      result: { text: 'now: wake up' },
    })
  })

  test('lets people settle what waits for them', async () => {
    const executor = scriptedExecutor()
    const runtime = await opened(name, executor)
    const [approval] = await runtime.approvals('approval')
    expect(approval).toMatchObject({ id: 'delete-1', tool: 'delete', args: { path: '/tmp/x' } })
    await runtime.decide('approval', 'delete-1', { decision: 'deny', reason: 'not today' })
    const [lost] = await runtime.calls('lost-call', { state: 'unknown' })
    expect(lost).toMatchObject({ id: 'pay-1', tool: 'pay', args: { amount: 5 } })
    await runtime.resolveCall('lost-call', 'pay-1', { resolution: 'succeeded', output: 'paid' })
    void answerAll(executor)
    for (const id of ['approval', 'lost-call', 'queued']) {
      const { items } = await runtime.inputs(id, {})
      for (const input of items) expect(await runtime.wait(id, input.id, WAIT_MS)).toMatchObject({ status: 'consumed' })
    }
  })
})

test('passive inputs that went along with prompts are what they became then, and those that wait keep their place', async () => {
  const executor = scriptedExecutor(run => `now: ${run.said}`)
  const runtime = await opened('records-2/passives.db', executor)
  expect(await runtime.audit('s')).toMatchObject({ ok: true })
  const ended = async () => (await runtime.inputs('s', {})).items.map(({ content, status }) => [content, status])
  const consumed = ['note', 'ping', 'half', 'prompt'].map(content => [content, 'consumed'])
  expect((await ended()).slice(0, 4)).toEqual(consumed)
  expect(executor.applied).toEqual([])
  await runtime.send('s', { content: 'next', waitMs: WAIT_MS })
  expect(executor.applied.map(({ said }) => said)).toEqual(['second note', 'third note', 'next'])
  expect(new Set((await ended()).map(([, status]) => status))).toEqual(new Set(['consumed']))
})
