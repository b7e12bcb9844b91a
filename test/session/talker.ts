/** A process that says a text and never ends it; whoever started it kills it. */
import { createRuntime } from '../../src/index.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import { scriptedExecutor } from '../../src/testing/scripted-executor.ts'

const executor = scriptedExecutor()
const runtime = await createRuntime({ store: sqlite(process.argv[2] ?? ''), executor })
await runtime.open({ sessionId: 's' })
await runtime.send('s', { content: 'Tell me a story.' })
const run = await executor.next()
for (const piece of ['Once ', 'upon ', 'a ', 'time ']) run.stream(piece)

// Its own reader hears it at once, and tells what it has heard and where it stands.
let after = '0'
let text = ''
while (text !== 'Once upon a time ') {
  const page = await runtime.events({ sessionId: 's', after, waitMs: 10_000 })
  after = page.cursor
  for (const event of page.events) if (event.type === 'text.delta') text += event.text
}
process.send?.({ after, text })
// From now on more is said, so that what was kept for others is not all that was heard.
setInterval(() => run.stream('… '), 100)
