// The library's start: create a runtime, open a session, one echo turn, close.
import { createRuntime } from '../../dist/index.js'
import { echo } from '../../dist/executor/echo.js'
import { sqlite } from '../../dist/store/sqlite/index.js'

const runtime = await createRuntime({ store: sqlite(process.argv[2] ?? ''), executor: echo() })
const { id } = await runtime.open({})
await runtime.send(id, { content: 'hello', waitMs: 10_000 })
await runtime.close()
