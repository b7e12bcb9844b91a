/** A short campaign of the one that `node test/crash/main.ts` runs at length. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCampaign } from './campaign.ts'

test('nothing accepted is lost or done twice, however often the process is killed', { timeout: 120_000 }, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'meerkat-crash-'))
  const seed = Date.now() % 1_000_000
  const report = await runCampaign({ rounds: 12, seed, dir, windowMs: 300 })
  // A slow machine starts a worker in a tenth of a second, and nothing was accepted yet where it is killed before.
  const again = `the files are in ${dir}; again: node test/crash/main.ts --rounds 12 --seed ${seed}`
  expect(report.faults.length === 0 ? [] : [again, ...report.faults]).toEqual([])
  expect(report.kills).toBe(12)
  expect(report.inputs).toBeGreaterThan(12)
  rmSync(dir, { recursive: true })
})
