/**
 * How much of what can be tried is tried: all of it with MEERKAT_TESTS=whole, as `.ci/run` has it; else a part, and another
 * one after each commit (vitest.config.ts says whose turn it is), so that everything is tried now and again.
 */
const isWhole = process.env['MEERKAT_TESTS'] === 'whole'
const turn = Number(process.env['MEERKAT_TEST_TURN'] ?? 0)

/** Whether the nth case is tried now, where one of so many parts is. */
export function isInTurn(nth: number, parts: number): boolean {
  return isWhole || (nth + turn) % parts === 0
}
