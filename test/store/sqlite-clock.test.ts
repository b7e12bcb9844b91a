/** Owners of one file when the machine's clock is set, or it was suspended. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { sqlite } from '../../src/store/sqlite/index.ts'
import type { Store } from '../../src/store/store.ts'
import { type ManualClock, manualClock } from '../../src/testing/index.ts'
import { codeOf, create, sessionId } from '../../src/testing/store-contract/kit.ts'

const LEASE_MS = 15_000
const S = sessionId('s')

async function two(): Promise<{ clock: ManualClock; one: Store; other: Store }> {
  const folder = mkdtempSync(join(tmpdir(), 'meerkat-clock-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const clock = manualClock()
  const open = async (): Promise<Store> => {
    const store = await sqlite(join(folder, 'a.db'), { leaseMs: LEASE_MS, clock }).open()
    onTestFinished(() => store.close())
    return store
  }
  return { clock, one: await open(), other: await open() }
}

test.each([8, -8])('a live owner keeps its sessions when the clock jumps by %i hours', async hours => {
  const { clock, one, other } = await two()
  await create(one, 's', { owner: 'a' })
  clock.jump(hours * 3_600_000)
  expect(await codeOf(other.claim(S, 'b'))).toBe('not-owner')
  for (let passed = 0; passed < 3 * LEASE_MS; passed += 1_000) {
    clock.advance(1_000)
    await clock.idle()
    expect(await codeOf(other.claim(S, 'b'))).toBe('not-owner')
  }
})
