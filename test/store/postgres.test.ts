import { describe, expect, test } from 'vitest'
import { postgres } from '../../src/store/postgres/index.ts'
import { storeContract } from '../../src/testing/store-contract.ts'
import { freshSchema, postgresServer, rawly } from '../support/postgres.ts'

storeContract({ describe, test, expect }, 'postgres()', async () => {
  const url = (await postgresServer()).url()
  const schema = freshSchema()
  return {
    source: postgres(url, { schema, leaseMs: 2000 }),
    dispose: async () => void (await rawly(url, schema, `DROP SCHEMA "${schema}" CASCADE`)),
  }
})
