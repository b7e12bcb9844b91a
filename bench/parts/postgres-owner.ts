/** Owns a session and never answers it; says which input it owes, and waits to be killed. */
import { createRuntime } from '../../src/index.ts'
import { postgres } from '../../src/store/postgres/index.ts'

const { url, ...options } = JSON.parse(process.argv[2] ?? '') as {
  readonly url: string
  readonly schema: string
  readonly leaseMs: number
}
const never = { name: 'never', apply: () => new Promise<never>(() => {}) }
const runtime = await createRuntime({ store: postgres(url, options), executor: never })
await runtime.open({ sessionId: 'owed' })
const { inputId } = await runtime.send('owed', { content: 'x' })
process.send?.(inputId)
