/** The clock of the tests is the published one. */
export { ManualClock } from '../../src/testing/manual-clock.ts'
