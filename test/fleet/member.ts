/** A process of the fleet: admits what it is given, for any session, and works on those that it owns. */
import { createRuntime, version } from '../../src/index.ts'
import { postgres } from '../../src/store/postgres/index.ts'
import type { Store, StoreSource } from '../../src/store/store.ts'
import { crashExecutor } from '../crash/executor.ts'
import type { MemberPlan, MemberReport, Reply, Request } from './plan.ts'

const plan = JSON.parse(process.argv[2] ?? '') as MemberPlan
const reply = (message: Reply): void => void process.send?.(message)
let fenced = 0

const source = postgres(plan.url, { schema: plan.schema, leaseMs: plan.leaseMs })
const runtime = await createRuntime({
  store: countingFences(source),
  executor: crashExecutor(plan.effects, plan.round),
})

process.on('message', (request: Request) => {
  perform(request).then(
    value => reply({ id: request.id, type: 'value', value }),
    (error: unknown) => {
      const { code = 'unknown', message = String(error) } = error as {
        readonly code?: string
        readonly message?: string
      }
      reply({ id: request.id, type: 'error', code, message })
    },
  )
})
// The parent is gone: so is the reason to be.
process.on('disconnect', () => process.exit(1))
reply({ type: 'ready' })

async function perform(request: Request): Promise<unknown> {
  switch (request.type) {
    case 'open':
      return (await runtime.open({ sessionId: request.session })).id
    case 'send': {
      const { session, key, content } = request
      return (await runtime.send(session, { content, idempotencyKey: key })).inputId
    }
    case 'report':
      return { fenced, held: runtime.health().sessions.loaded, version } satisfies MemberReport
    case 'drain':
      await runtime.drain(2_000)
      return 'drained'
  }
}

/** The store, with the commits counted that its fence refused. */
function countingFences(inner: StoreSource): StoreSource {
  return {
    name: inner.name,
    open: async () => {
      const store = await inner.open()
      const commit: Store['commit'] = async one => {
        try {
          return await store.commit(one)
        } catch (error) {
          if (error instanceof Error && 'code' in error && error.code === 'not-owner') fenced++
          throw error
        }
      }
      return new Proxy(store, {
        get: (target, key) => {
          if (key === 'commit') return commit
          const value: unknown = Reflect.get(target, key, target)
          return typeof value === 'function' ? (value.bind(target) as unknown) : value
        },
      })
    },
  }
}
