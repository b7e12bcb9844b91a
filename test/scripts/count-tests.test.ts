import { describe, expect, it } from 'vitest'
import { countLine } from '../../scripts/count-tests.ts'

const green = { success: true, numPassedTests: 7, numFailedTests: 0, numPendingTests: 0 }

const well = { exitStatus: 0, failedSteps: 0 }
const badly = { exitStatus: 1, failedSteps: 0 }

describe('the line that sums up a run', () => {
  it.each([
    ['all is well', green, well, '7 passed, 0 failed'],
    ['tests were skipped', { ...green, numPendingTests: 2 }, well, '7 passed, 0 failed, 2 skipped'],
    ['tests failed', { ...green, success: false, numFailedTests: 3 }, badly, '7 passed, 3 failed'],
    ['a test file did not load', { ...green, success: false }, badly, '7 passed, 1 failed'],
    ['an error came after the last test', green, badly, '7 passed, 1 failed'],
    ['no test ran', { ...green, numPassedTests: 0 }, well, '0 passed, 1 failed'],
    ['other steps failed', green, { exitStatus: 0, failedSteps: 2 }, '7 passed, 2 failed'],
    ['there is no report', undefined, { exitStatus: 1, failedSteps: 1 }, '0 passed, 2 failed'],
  ])('says so when %s', (_when, report, run, line) => {
    expect(countLine(report, run)).toBe(line)
  })
})
