import { expect, test } from 'vitest'
import type { SessionId } from '../../src/kernel/ids.ts'
import { tellRefusals } from '../../src/surfaces/cli/refusals.ts'

test('a person is told once each time that the store begins to refuse', () => {
  const told: string[] = []
  const observer = tellRefusals({ warn: text => told.push(text) })
  const commit = (failed?: string): void =>
    observer.committed?.({
      sessionId: 's' as SessionId,
      durationMs: 1,
      bytes: 1,
      ...(failed !== undefined && { failed }),
    })
  commit()
  for (let tries = 0; tries < 3; tries++) commit('store-unavailable')
  expect(told).toEqual([expect.stringContaining('the store takes nothing now')])
  commit()
  commit('conflict')
  commit('store-unavailable')
  expect(told).toHaveLength(2)
})
