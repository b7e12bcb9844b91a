import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { sqlite } from '../../src/store/sqlite/index.ts'
import { storeContract } from '../../src/testing/store-contract.ts'

storeContract({ describe, test, expect }, 'sqlite()', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'meerkat-store-'))
  return { source: sqlite(join(folder, 'sessions.db')), dispose: () => rm(folder, { recursive: true }) }
})
