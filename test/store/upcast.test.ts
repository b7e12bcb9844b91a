/** Records of older releases mean what they meant. */
import { describe, expect, test } from 'vitest'
import { upcast } from '../../src/store/upcast.ts'

const stop = { type: 'StopRuntimeExecutor', reason: 'requested' } as const
const exit = { type: 'RuntimeExecutorExited' } as const
const record = (v: number) => ({ v, at: 1, steps: [stop, exit, { type: 'Resume' } as const] })

describe('a stop', () => {
  test.each([1, 2])('of a record of version %i gave up what waited, and is replayed so', v => {
    const steps = [{ ...stop, queued: 'abandoned' }, { ...exit, queued: 'abandoned' }, { type: 'Resume' }]
    expect(upcast(record(v)).steps).toEqual(steps)
  })

  test('of the present version keeps what waits', () => {
    expect(upcast(record(3)).steps).toEqual(record(3).steps)
  })
})
