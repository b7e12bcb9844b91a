/** What is measured: the runtime with its agent and its server, on a SQLite file. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { agent } from '../../../src/executor/agent/index.ts'
import { createRuntime } from '../../../src/index.ts'
import { sqlite } from '../../../src/store/sqlite/index.ts'
import { serve } from '../../../src/surfaces/server.ts'
import { say } from './child.ts'

const [provider = '', model = '', path = ''] = process.argv.slice(2)
const compatible = createOpenAICompatible({ name: 'local', baseURL: `${provider}/v1`, includeUsage: true })
const runtime = await createRuntime({ store: sqlite(path), executor: agent({ model: compatible(model) }) })
const server = await serve({ runtime, port: 0 })
say(server.port)
