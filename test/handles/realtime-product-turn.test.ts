/** The turn of a realtime conversation, what its transport knows, and what a clean close means. */
import { describe, expect, test } from 'vitest'
import type { RealtimeProductTurnHandle } from '../../src/handles/realtime-product-turn.ts'
import type { ProductTurnPhase, ProjectionFreshness } from '../../src/kernel/regions/product-turn/state.ts'
import { ephemeral, S } from '../host/support/machines.ts'

async function handle() {
  const machine = await ephemeral()
  const { realtimeProductTurn: turn } = await machine.prepareBindings(S)
  return { machine, turn }
}

type Report = 'turnInFlight' | 'turnCommitted' | 'outputStarted' | 'turnInterrupted' | 'turnTerminal'

/** How each phase is reached. */
const reached: Record<ProductTurnPhase, readonly Report[]> = {
  idle: [],
  awaitingProgress: ['turnInFlight'],
  committed: ['turnInFlight', 'turnCommitted'],
  outputStarted: ['turnInFlight', 'outputStarted'],
  preemptible: ['turnInFlight', 'turnCommitted', 'outputStarted'],
}
/** Where a report leads; false: it changes nothing. */
const leads: Record<ProductTurnPhase, Record<Report, ProductTurnPhase | false>> = {
  idle: {
    turnInFlight: 'awaitingProgress',
    turnCommitted: false,
    outputStarted: false,
    turnInterrupted: false,
    turnTerminal: false,
  },
  awaitingProgress: {
    turnInFlight: false,
    turnCommitted: 'committed',
    outputStarted: 'outputStarted',
    turnInterrupted: false,
    turnTerminal: 'idle',
  },
  committed: {
    turnInFlight: false,
    turnCommitted: false,
    outputStarted: 'preemptible',
    turnInterrupted: false,
    turnTerminal: 'idle',
  },
  outputStarted: {
    turnInFlight: false,
    turnCommitted: 'preemptible',
    outputStarted: false,
    turnInterrupted: 'awaitingProgress',
    turnTerminal: 'idle',
  },
  preemptible: {
    turnInFlight: false,
    turnCommitted: false,
    outputStarted: false,
    turnInterrupted: 'committed',
    turnTerminal: 'idle',
  },
}

async function at(phase: ProductTurnPhase): Promise<RealtimeProductTurnHandle> {
  const { turn } = await handle()
  for (const report of reached[phase]) await turn[report]()
  return turn
}

const phases = Object.keys(reached) as ProductTurnPhase[]

describe.each(phases)('a turn that is %s', phase => {
  test('is in flight or not, and says whether input interrupts', async () => {
    const turn = await at(phase)
    expect(turn.currentPhase()).toBe(phase)
    expect(turn.isInFlight()).toBe(phase !== 'idle')
    expect(turn.shouldPreemptOnInput()).toBe(phase === 'preemptible')
  })

  test.each(Object.entries(leads[phase]) as [Report, ProductTurnPhase | false][])('hears %s', async (report, to) => {
    const turn = await at(phase)
    expect(await turn[report]()).toBe(to !== false)
    expect(turn.currentPhase()).toBe(to === false ? phase : to)
  })
})

describe('what the transport knows', () => {
  test('is stale at once where no turn is in flight, and clean after it was told', async () => {
    const { turn } = await handle()
    expect(await turn.projectionAdvanceObserved(10)).toBe(true)
    expect(turn.isProjectionStaleImmediate()).toBe(true)
    expect(await turn.projectionAdvanceObserved(10)).toBe(false)
    expect(await turn.projectionRefreshed(9)).toBe(false)
    expect(await turn.projectionRefreshed(10)).toBe(true)
    expect([turn.projectionFreshness(), turn.projectionFrontierMs()]).toEqual(['Clean', 10])
    expect(await turn.projectionRefreshed(10)).toBe(false)
  })

  test('waits for the end of a turn, and is due then', async () => {
    const turn = await at('committed')
    await turn.projectionAdvanceObserved(10)
    expect([turn.projectionFreshness(), turn.isProjectionStaleImmediate()]).toEqual(['StaleDeferred', false])
    await turn.turnTerminal()
    expect(turn.isProjectionStaleImmediate()).toBe(true)
  })

  test('begins anew with a new transport and never goes back', async () => {
    const { turn } = await handle()
    await turn.projectionAdvanceObserved(10)
    expect(await turn.projectionReset(5)).toBe(true)
    expect([turn.projectionFreshness(), turn.projectionFrontierMs()]).toEqual(['Clean', 10])
    expect(await turn.projectionReset(10)).toBe(false)
  })

  test('is told to the observer that is installed, from its snapshot on, once and in order', async () => {
    const { turn } = await handle()
    const heard: (readonly [string, ProjectionFreshness, number])[] = []
    const observer = (name: string) => ({
      onRealtimeProjectionFreshnessChanged: (freshness: ProjectionFreshness, frontierMs: number) => {
        heard.push([name, freshness, frontierMs])
      },
    })
    turn.installProjectionFreshnessObserver(observer('first'))
    await turn.projectionAdvanceObserved(10)
    const { freshness, frontierMs, uninstall } = turn.installProjectionFreshnessObserverWithSnapshot(observer('second'))
    expect([freshness, frontierMs]).toEqual(['StaleImmediate', 10])
    await turn.projectionRefreshed(11)
    await turn.projectionRefreshed(11)
    await turn.projectionAdvanceObserved(12)
    uninstall()
    await turn.projectionRefreshed(12)
    expect(heard).toEqual([
      ['first', 'StaleImmediate', 10],
      ['second', 'Clean', 11],
      ['second', 'StaleImmediate', 12],
    ])
  })
})

describe('a clean close', () => {
  test('means what it says only where nothing is left open', async () => {
    const { turn } = await handle()
    expect(turn.reconnectPolicyOnCleanClose()).toBe('CleanExit')
    expect(await turn.classifyClientInputSubmitted()).toBe(true)
    expect(await turn.classifyMidTurnActivity()).toBe(false)
    expect(turn.reconnectPolicyOnCleanClose()).toBe('ReattachAndRecover')
    expect(await turn.classifyTurnTerminated()).toBe(true)
    expect(turn.reconnectPolicyOnCleanClose()).toBe('CleanExit')
    expect(await turn.classifyTurnTerminated()).toBe(false)
  })
})

describe('a session that is over', () => {
  test('takes no report: one that is destroyed throws, and so does one that was torn down', async () => {
    const { machine, turn } = await handle()
    await turn.turnInFlight()
    await machine.destroy(S)
    await expect(turn.turnCommitted()).rejects.toMatchObject({ kind: 'no-matching-transition' })
    const other = await handle()
    await other.machine.unregisterSession(S)
    await expect(other.turn.turnInFlight()).rejects.toMatchObject({ kind: 'no-matching-transition' })
    expect(other.turn.isInFlight()).toBe(false)
  })
})
