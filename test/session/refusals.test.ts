/** What a person reads whom a session refuses something: what is wrong, where, and what leads out. */
import { expect, test } from 'vitest'
import { KernelRejection } from '../../src/driver/kernel-rejection.ts'
import type { Runtime } from '../../src/index.ts'
import { scriptedExecutor } from '../../src/testing/index.ts'
import { failureOf, freshStore, start } from './support.ts'

type Control = Parameters<Runtime['control']>[1]

test.each<readonly [done: readonly Control[], asked: Control, says: RegExp]>([
  [['stop'], 'reset', /^reset is not possible while the session is stopped: resume it first \(`session\/resume`\)$/],
  [['stop'], 'recycle', /^recycle is not possible while the session is stopped: resume it first/],
  [['retire'], 'resume', /^resume is not possible while the session is retired: .*`session\/reset`/],
  [['destroy'], 'stop', /^stop is not possible while the session is destroyed: .*`session\/open`/],
  [['destroy'], 'resume', /^resume is not possible while the session is destroyed: .*`session\/open`/],
  [[], 'reset', /^reset is not possible while the session is running: wait for the end of its run, or .*`run\/cancel`/],
])('after %s, %s is refused with what leads out', async (done, asked, says) => {
  const executor = scriptedExecutor()
  const runtime = await start({ store: freshStore('memory'), executor })
  await runtime.open({ sessionId: 's' })
  if (done.length === 0) {
    await runtime.send('s', { content: 'x' })
    await executor.next()
  }
  for (const operation of done) await runtime.control('s', operation)
  const error = await failureOf(runtime.control('s', asked))
  expect(error).toMatchObject({
    code: 'not-ready',
    details: { kind: 'no-matching-transition', phase: expect.any(String) as unknown },
  })
  expect(error.message).toMatch(says)
})

test('what an operation asks of the kernel has the name that its caller knows', async () => {
  const runtime = await start({ store: freshStore('memory'), executor: scriptedExecutor() })
  await runtime.open({ sessionId: 's' })
  await runtime.control('s', 'stop')
  const refused = await Promise.all([
    failureOf(runtime.switchModel('s', { model: 'a/b', turns: 2 })),
    failureOf(runtime.requestTools('s', { names: ['read'] })),
    failureOf(runtime.get('other')),
  ])
  expect(refused.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^a switch of the model is not possible while the session is stopped: resume it first/),
    expect.stringMatching(/^a request for tools is not possible while the session is stopped: resume it first/),
    'there is no session other: `session/list` lists all',
  ])
})

test('a guard that is not met is named in words, and by its name for programs', () => {
  const refused = {
    ok: false,
    kind: 'guard-rejected',
    context: 'meerkat/calls/RecordCallIntents',
    phase: 'running',
  } as const
  const rejection = { ...refused, reason: 'unmet: turnIsWorking', guard: 'turnIsWorking' }
  const one = new KernelRejection(rejection, { lifecycle: { phase: 'idle' } })
  expect(one.code).toBe('rejected')
  expect(one.message).toMatch(/^record call intents was refused: its condition `turnIsWorking` does not hold; /)
  expect(one.message).toContain('`session/explain`')
  expect(one.details).toMatchObject({ kind: 'guard-rejected', guard: 'turnIsWorking' })
})

test('a retired session whose last run goes on is retired wherever anybody asks, refusals included', async () => {
  const executor = scriptedExecutor()
  const runtime = await start({ store: freshStore('memory'), executor })
  await runtime.open({ sessionId: 's' })
  await runtime.send('s', { content: 'x' })
  const run = await executor.next()
  await runtime.control('s', 'retire')
  expect((await runtime.get('s')).phase).toBe('retired')
  expect((await runtime.list({ phase: 'retired' })).items.map(({ id }) => id)).toEqual(['s'])
  expect((await runtime.explain('s')).phase).toBe('retired')
  for (const operation of ['reset', 'recycle'] as const) {
    const error = await failureOf(runtime.control('s', operation))
    expect(error).toMatchObject({ code: 'not-ready', details: { phase: 'retired' } })
    expect(error.message).toMatch(/is not possible while the session is retired and its last run goes on: wait for/)
  }
  expect(await failureOf(runtime.send('s', { content: 'y' }))).toMatchObject({ details: { phase: 'retired' } })
  run.answer('done')
})
