// Prints the one line that sums up a continuous-integration run: `N passed, N failed`.
// usage: node scripts/count-tests.ts REPORT.json EXIT_STATUS_OF_VITEST FAILED_STEPS
import { existsSync, readFileSync } from 'node:fs'

/** What is read of the report that `vitest --reporter=json` writes. */
export interface TestReport {
  readonly success: boolean
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
}

/** How vitest itself ended, and how many steps before it failed. */
export interface Run {
  readonly exitStatus: number
  readonly failedSteps: number
}

/**
 * A run that failed without a failed test (a file that does not load), or ran no test at all, counts as one more
 * failure.
 */
export function countLine(report: TestReport | undefined, { exitStatus, failedSteps }: Run): string {
  if (!report) return `0 passed, ${failedSteps + 1} failed`
  const { success, numPassedTests, numFailedTests, numPendingTests } = report
  const isGreen = success && exitStatus === 0 && numPassedTests > 0
  const failedTests = numFailedTests === 0 && !isGreen ? 1 : numFailedTests
  const skipped = numPendingTests > 0 ? `, ${numPendingTests} skipped` : ''
  return `${numPassedTests} passed, ${failedTests + failedSteps} failed${skipped}`
}

function main([path = '', exitStatus = '', failedSteps = '']: readonly string[]): void {
  const report = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as TestReport) : undefined
  const line = countLine(report, { exitStatus: Number(exitStatus), failedSteps: Number(failedSteps) })
  console.log(line)
  process.exitCode = line.includes(', 0 failed') ? 0 : 1
}

if (import.meta.main) main(process.argv.slice(2))
