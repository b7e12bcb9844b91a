import { expect, test } from 'vitest'
import { diagnose } from '../../src/session/diagnose.ts'
import { manualClock, scriptedExecutor } from '../../src/testing/index.ts'
import { freshStore, start, until } from './support.ts'

test('stuck work is named with its age and the command that helps, and looking changes nothing', async () => {
  const clock = manualClock()
  const source = freshStore('sqlite')
  const executor = scriptedExecutor()
  const runtime = await start({ store: source, executor, clock })
  for (const id of ['approval', 'left', 'timer', 'stopped']) await runtime.open({ sessionId: id })
  await runtime.send('approval', { content: 'x' })
  const paying = await executor.next()
  await paying.ask([
    {
      id: 'pay',
      tool: 'pay',
      policy: 'ask',
      needsApproval: true,
      expiry: { afterMs: 4 * 3_600_000, decision: 'deny' },
    },
  ])
  paying.end({ type: 'parked' })
  await runtime.schedule('timer', { content: 'tick', inMs: 60_000 })
  await runtime.send('stopped', { content: 'z' })
  const waiting = await executor.next()
  await waiting.ask([{ id: 'ship', tool: 'ship', needsApproval: true }])
  waiting.end({ type: 'parked' })
  await until(runtime, 'stopped', 'run.parked')
  await runtime.control('stopped', 'stop')
  await runtime.send('left', { content: 'y' })
  await executor.next()
  clock.advance(1)
  const closed = runtime.close()
  await clock.idle()
  clock.advance(1_000)
  await closed

  const store = await source.open()
  const before = await store.tail()
  clock.advance(3 * 3_600_000)
  const findings = await diagnose(store, clock.now())
  const texts = findings.map(({ text }) => text).join('\n')
  expect(texts).toMatch(/2 sessions owe work and no process holds them \(approval, left\)/)
  expect(texts).toMatch(
    /session approval: a call of pay waits for approval since 3 h, and counts as denied in 59 min, at \S+Z: meerkat approve approval pay/,
  )
  expect(texts).toContain(`session stopped is stopped, and inputs wait until it is resumed (1): meerkat resume stopped`)
  expect(texts).toMatch(/session timer: schedule .* is overdue since 179 min|overdue since 2 h/)
  expect(await store.tail()).toBe(before)
  await store.close()
})
