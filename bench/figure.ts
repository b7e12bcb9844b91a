/** One measured number, and the honest way to get it: several runs, the median, and how far they spread. */

/** A line of the benchmarks' report. */
export interface Figure {
  readonly bench: string
  readonly value: number
  readonly unit: string
  /** The same measured for the least that could do the job, in the same run. */
  readonly floor?: number
  /** `value` against `floor`. */
  readonly ratio?: number
  /** What was aimed for, in words. */
  readonly goal?: string
  readonly ok?: boolean
  readonly min?: number
  readonly max?: number
  readonly runs?: number
}

/** The middle of several runs, and their ends. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly runs: number
}

/** The spread of values that were measured already. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const { length } = sorted
  if (length === 0) throw new Error('a spread needs at least one value')
  const at = (index: number): number => sorted[index] ?? 0
  const median = length % 2 === 1 ? at((length - 1) / 2) : (at(length / 2 - 1) + at(length / 2)) / 2
  return { median, min: at(0), max: at(length - 1), runs: length }
}

/** Measures `runs` times, one after the other. */
export async function measure(runs: number, once: () => number | Promise<number>): Promise<Spread> {
  const values: number[] = []
  for (let run = 0; run < runs; run++) values.push(await once())
  return spreadOf(values)
}

/** A figure of several runs. `atLeast` and `atMost` are the goal, which the median has to meet. */
export function figure(
  bench: string,
  unit: string,
  spread: Spread,
  against: { readonly floor?: number; readonly atLeast?: number; readonly atMost?: number } = {},
): Figure {
  const { median, min, max, runs } = spread
  const { floor, atLeast, atMost } = against
  const goals = [
    ...(atLeast === undefined ? [] : [`≥ ${atLeast.toLocaleString('en')} ${unit}`]),
    ...(atMost === undefined ? [] : [`≤ ${atMost.toLocaleString('en')} ${unit}`]),
  ]
  return {
    bench,
    value: median,
    unit,
    ...(floor !== undefined && { floor, ratio: median / floor }),
    ...(goals.length > 0 && {
      goal: goals.join(', '),
      ok: median >= (atLeast ?? -Infinity) && median <= (atMost ?? Infinity),
    }),
    min,
    max,
    runs,
  }
}
