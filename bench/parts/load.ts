/** Actors that take turns as fast as they can, and how that went. */
export interface Load {
  readonly perSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
}

/** Each actor takes one turn after the other for as long. */
export async function load<T>(actors: readonly T[], seconds: number, turn: (actor: T) => Promise<void>): Promise<Load> {
  const latencies: number[] = []
  const start = performance.now()
  const end = start + seconds * 1000
  await Promise.all(
    actors.map(async actor => {
      while (performance.now() < end) {
        const from = performance.now()
        await turn(actor)
        latencies.push(performance.now() - from)
      }
    }),
  )
  const elapsed = (performance.now() - start) / 1000
  latencies.sort((a, b) => a - b)
  const at = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0
  return { perSecond: latencies.length / elapsed, p50: at(0.5), p99: at(0.99) }
}
