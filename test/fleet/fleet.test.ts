/** A short form of the campaign that `node test/fleet/main.ts` runs at length. */
import { expect, test } from 'vitest'
import { fleetOnPostgres } from './fleet.ts'

test('three processes lose and double nothing while one is killed, one suspended and one cut off', {
  timeout: 120_000,
}, async () => {
  const seed = Date.now() % 1_000_000
  const report = await fleetOnPostgres({ sessions: 40, seconds: 16, seed, inputsPerSecond: 30, leaseMs: 1_500 })
  const again = `the files are in ${report.dir}; again: node test/fleet/main.ts --sessions 40 --seconds 16 --rate 30 --lease-ms 1500 --seed ${seed}`
  expect(report.faults.length === 0 ? [] : [again, ...report.faults]).toEqual([])
  expect(report.acknowledged).toBe(16 * 30)
})
