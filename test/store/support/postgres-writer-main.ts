/** A process that commits to its sessions without a pause until it is ended. Prints a dot for each answered commit. */
import { postgres } from '../../../src/store/postgres/index.ts'
import { commit, create } from '../../../src/testing/store-contract/kit.ts'

export interface PostgresWriterPlan {
  readonly url: string
  readonly schema: string
  readonly leaseMs: number
  readonly sessions: readonly string[]
}

const { url, schema, leaseMs, sessions } = JSON.parse(process.argv[2] ?? '') as PostgresWriterPlan
const store = await postgres(url, { schema, leaseMs }).open()
await Promise.all(
  sessions.map(async id => {
    const { claim } = await create(store, id, { owner: 'writer' })
    for (let at = 2; ; at += 1) {
      await store.commit(commit(claim, at))
      process.stdout.write('.')
    }
  }),
)
