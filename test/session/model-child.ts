/** A process that is killed while it waits for its model, in the first turn or the second one of a switch for two. */
import { createRuntime } from '../../src/index.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import { looking, modelsById } from './support-models.ts'

const [, , path = '', life = ''] = process.argv
let calls = 0
const reached = Promise.withResolvers<void>()
const { executor } = modelsById(
  {
    'm/other': () => {
      if (++calls < Number(life)) return { call: 'look' }
      reached.resolve()
      return new Promise<never>(() => {})
    },
  },
  { tools: [looking()] },
)
const runtime = await createRuntime({ store: sqlite(path), executor, recoverEveryMs: 50 })
if (life === '1') {
  await runtime.open({ sessionId: 's', model: 'm/own' })
  await runtime.switchModel('s', { model: 'm/other', turns: 2 })
  await runtime.send('s', { content: 'one' })
}
await reached.promise
// What it is in the middle of goes to disk with this.
await runtime.update('s', { title: `life ${life}` })
process.send?.('called')
setInterval(() => {}, 1_000)
