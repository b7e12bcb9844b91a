import { describe, expect, test } from 'vitest'
import { memory } from '../../src/store/memory.ts'
import { storeContract } from '../../src/testing/store-contract.ts'

storeContract({ describe, test, expect }, 'memory()', async () => ({ source: memory() }))
