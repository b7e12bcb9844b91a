/** The guide for executors of one's own: its example is this one, and does what it says. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Ask, ownExecutor } from './examples/own-executor.ts'
import { freshStore, start } from './support.ts'

const read = (...path: readonly string[]): string => readFileSync(join(import.meta.dirname, ...path), 'utf8')

test('the guide shows the example that is tested here', () => {
  const guide = read('../../docs/guides/tools-of-an-executor.md')
  expect(/```ts\n(.*?)```/s.exec(guide)?.[1]).toBe(read('examples/own-executor.ts'))
})

test('its model sees what filters, requests and the session leave, and calls nothing else', async () => {
  const asked: (readonly string[])[] = []
  const replies = ['write', 'archive', 'archive']
  const ask: Ask = async ({ tools }) => {
    asked.push(tools)
    const name = replies[asked.length - 1]
    if (asked.length === 1) await runtime.filterTools('a', { deny: ['write'] })
    if (asked.length === 2) await runtime.requestTools('a', { names: ['archive'] })
    return name === undefined ? { text: 'done' } : { callId: `c${asked.length}`, name, args: {} }
  }
  const runtime = await start({ store: freshStore('memory'), executor: ownExecutor(ask) })
  await runtime.open({ sessionId: 'a' })
  const { result } = await runtime.send('a', { content: 'go', waitMs: 10_000 })
  expect(result).toMatchObject({ outcome: 'completed', text: 'done' })
  expect(asked).toEqual([['read', 'write'], ['read'], ['read', 'archive'], ['read', 'archive']])
  const { messages } = await runtime.history('a')
  const results = messages.flatMap(({ content }) =>
    typeof content === 'string' ? [] : content.flatMap(part => (part.type === 'tool-result' ? [part.output] : [])),
  )
  expect(results).toEqual([{ wrote: {} }, 'There is no tool named archive.', { archived: {} }])
  expect((await runtime.tools('a')).tools).toMatchObject([
    { name: 'read', state: 'visible' },
    { name: 'write', state: 'hidden' },
    { name: 'archive', state: 'visible' },
  ])
})
