/**
 * The contract of stores as a test suite over a factory. Our stores run it; run it over your own store:
 *
 * ```ts
 * import { describe, expect, test } from 'vitest'
 * import { storeContract } from 'meerkat-ts/testing'
 *
 * storeContract({ describe, test, expect }, 'my store', async () => ({ source: myStore(await freshDatabase()) }))
 * ```
 */
import { aFunction, aText, checkArgument, withMethods } from '../options.ts'
import type { StoreSource } from '../store/store.ts'
import { claimCases } from './store-contract/claims.ts'
import { commitCases } from './store-contract/commits.ts'
import type { Cases, Expect } from './store-contract/kit.ts'
import { inStores } from './store-contract/kit.ts'
import { lifecycleCases } from './store-contract/lifecycle.ts'
import { mailCases } from './store-contract/mail.ts'
import { readCases } from './store-contract/reads.ts'
import { registryCases } from './store-contract/registry.ts'
import { sessionCases } from './store-contract/sessions.ts'
import { storageCases } from './store-contract/storage.ts'

/** The parts of a test runner that the suite uses; vitest's and jest's own fit. */
export interface TestKit {
  describe(name: string, body: () => void): void
  test(name: string, body: () => Promise<void>): void
  readonly expect: Expect
}

/** An empty store for one test. */
export interface FreshStore {
  readonly source: StoreSource
  /** Called when the test has closed every store it opened. */
  readonly dispose?: () => Promise<void>
}

const GROUPS: Readonly<Record<string, Cases>> = {
  sessions: sessionCases,
  commits: commitCases,
  claims: claimCases,
  reads: readCases,
  lifecycle: lifecycleCases,
  mail: mailCases,
  registry: registryCases,
  storage: storageCases,
}

/** A test runner brings more than these. */
const aTestKit = withMethods('the parts of a test runner', 'describe', 'test', 'expect')

export function storeContract(kit: TestKit, name: string, fresh: () => Promise<FreshStore>): void {
  checkArgument('storeContract', 'kit', kit, aTestKit)
  checkArgument('storeContract', 'name', name, aText)
  checkArgument('storeContract', 'fresh', fresh, aFunction)
  kit.describe(`${name} keeps the store contract`, () => {
    for (const [group, cases] of Object.entries(GROUPS)) {
      kit.describe(group, () => {
        for (const [title, check] of Object.entries(cases)) {
          kit.test(title, () => inStores(fresh, kit.expect, check))
        }
      })
    }
  })
}
