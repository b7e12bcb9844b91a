import { describe, expect, test } from 'vitest'
import { type MobVerifyReport, verifyMob } from '../../src/kernel/check/mob.ts'
import type { MobEffect } from '../../src/kernel/mob/effects.ts'
import { withProgress } from '../../src/kernel/mob/flows/state.ts'
import type { MobInput } from '../../src/kernel/mob/inputs.ts'
import { mob } from '../../src/kernel/mob/machine.ts'
import type { MobState } from '../../src/kernel/mob/state.ts'
import { mapGet, mapSet } from '../../src/kernel/persistent-map.ts'
import type { Follow, Guard, Row } from '../../src/kernel/region.ts'
import { type Machine, machine } from '../../src/kernel/step.ts'

type MobMachine = Machine<MobState, MobInput, MobEffect>
type LooseRow = Row<MobState, unknown, MobInput, MobEffect, string>
interface LooseRegion {
  readonly name: string
  readonly on: Readonly<Record<string, readonly LooseRow[]>>
  readonly follow: Readonly<Record<string, Follow<MobState, unknown, MobInput, MobEffect>>>
}

/** The machine with one region changed. */
function withRegion(name: keyof MobState, change: (region: LooseRegion) => LooseRegion): MobMachine {
  const regions = mob.regions as unknown as readonly LooseRegion[]
  const own = mob.regions.flatMap(region => region.invariants)
  return machine<MobState, MobInput, MobEffect>({
    name: 'mutant',
    spine: state => state.lifecycle.phase,
    regions: regions.map(one => (one.name === name ? change(one) : one)) as unknown as typeof mob.regions,
    invariants: mob.invariants.filter(one => !own.includes(one)),
  })
}

function withRow(
  region: keyof MobState,
  input: MobInput['type'],
  row: string,
  change: (row: LooseRow) => LooseRow,
): MobMachine {
  return withRegion(region, old => {
    const rows = old.on[input] ?? []
    if (!rows.some(one => one.name === row)) throw new Error(`${region} has no row ${input}/${row}`)
    return { ...old, on: { ...old.on, [input]: rows.map(one => (one.name === row ? change(one) : one)) } }
  })
}

function withoutGuard(region: keyof MobState, input: MobInput['type'], row: string, guard: string): MobMachine {
  return withRow(region, input, row, old => {
    const when = (old.when ?? []).filter(one => one.name !== guard)
    if (when.length === old.when?.length) throw new Error(`${input}/${row} has no guard ${guard}`)
    return { ...old, when }
  })
}

function withoutFollow(region: keyof MobState, input: MobInput['type']): MobMachine {
  return withRegion(region, old => {
    const { [input]: known, ...follow } = old.follow
    if (known === undefined) throw new Error(`${region} does not follow ${input}`)
    return { ...old, follow }
  })
}

/** Starts a step and skips nothing. */
function startOnly(slice: unknown, input: unknown): MobState['flows'] {
  const { runs } = slice as MobState['flows']
  const { runId, stepId, targets } = input as Extract<MobInput, { type: 'StartStep' }>
  const run = mapGet(runs, runId)
  if (run === undefined) return { runs }
  const needed = targets.length
  const begun = withProgress(run, stepId, { status: 'running', attempts: 0, awaited: targets, completed: 0, needed })
  return { runs: mapSet(runs, runId, begun) }
}

const never: Guard<MobState, MobInput> = () => false

function findings({ violations, liveness, uncoveredEdges }: MobVerifyReport): readonly string[] {
  return [...violations.map(one => one.invariant), ...liveness.failures.map(one => one.property), ...uncoveredEdges]
}

describe('the mob machine, explored', () => {
  test('breaks no rule, traps nobody, and has no edge that is never taken', { timeout: 120_000 }, () => {
    const heard: string[] = []
    const report = verifyMob({ quick: true, onConfiguration: one => heard.push(one.name) })
    expect(report.violations).toEqual([])
    expect(report.liveness.failures).toEqual([])
    expect(report.uncoveredEdges).toEqual([])
    expect(report.states).toBeGreaterThan(4_000)
    expect(report.liveness.checked).toBeGreaterThan(report.states)
    expect(heard).toEqual([
      'mob-members',
      'mob-kickoffs',
      'mob-pairs',
      'mob-replaced',
      'mob-flows',
      'mob-collection',
      'mob-quorum',
      'seam',
      'seam-disturbed',
    ])
  })
})

interface Mutant {
  readonly fault: string
  readonly machine: () => MobMachine
  readonly only: string
  readonly caughtBy: string
}

const mutants: readonly Mutant[] = [
  {
    fault: 'a signal that does not look whose it is',
    machine: () => withoutGuard('roster', 'ObserveRuntimeReady', 'again', 'isCurrentRuntime'),
    only: 'mob-members',
    caughtBy: 'late-words-change-nothing',
  },
  {
    fault: 'a fence that need not rise',
    machine: () => withoutGuard('spawns', 'BeginSpawnExec', 'opened', 'isNextIncarnation'),
    only: 'mob-members',
    caughtBy: 'fences-rise',
  },
  {
    fault: 'a reset that forgets which fences there were',
    machine: () =>
      withRegion('roster', old => ({
        ...old,
        follow: { ...old.follow, Reset: { ...old.follow['Reset'], ['then']: () => mob.initial.roster } },
      })),
    only: 'mob-members',
    caughtBy: 'fences-rise',
  },
  {
    fault: 'an edge that outlives its end',
    machine: () => withoutFollow('wiring', 'ObserveRuntimeRetired'),
    only: 'mob-pairs',
    caughtBy: 'edges-join-members',
  },
  {
    fault: 'work that outlives its member',
    machine: () => withoutFollow('work', 'ObserveRuntimeRetired'),
    only: 'mob-pairs',
    caughtBy: 'work-belongs-to-a-member',
  },
  {
    fault: 'a spawn that outlives its member',
    machine: () => withoutFollow('spawns', 'ObserveRuntimeRetired'),
    only: 'mob-members',
    caughtBy: 'spawns-agree-with-the-roster',
  },
  {
    fault: 'a stop under a flow that runs',
    machine: () => withoutGuard('lifecycle', 'Stop', 'stopped', 'noUnfinishedRun'),
    only: 'mob-flows',
    caughtBy: 'runs-need-a-running-mob',
  },
  {
    fault: 'a flow that ends and nobody hears of it',
    machine: () => withRow('flows', 'CancelFlow', 'canceled', row => ({ ...row, emit: [] })),
    only: 'mob-flows',
    caughtBy: 'steps-end-once',
  },
  {
    fault: 'a row that nothing ever reaches',
    machine: () => withRow('flows', 'FailStep', 'continued', row => ({ ...row, when: [never] })),
    only: 'mob-flows',
    caughtBy: 'flows/FailStep/continued running',
  },
  {
    fault: 'a step that waits for a quorum which can not come',
    machine: () => withoutGuard('flows', 'FailStep', 'counted', 'mayStillBeEnough'),
    only: 'mob-collection',
    caughtBy: 'running-steps-can-be-collected',
  },
  {
    fault: 'a target that is counted twice',
    machine: () => withoutGuard('flows', 'CompleteStep', 'counted', 'isAwaited'),
    only: 'mob-collection',
    caughtBy: 'running-steps-can-be-collected',
  },
  {
    fault: 'a step that waits for a target which has left',
    machine: () => withoutFollow('flows', 'ObserveRuntimeRetired'),
    only: 'mob-quorum',
    caughtBy: 'targets-are-members',
  },
  {
    fault: 'a mob that ends with a session which it gave back',
    machine: () => withRow('lifecycle', 'ObserveRuntimeDestroyed', 'given-back', row => ({ ...row, when: [never] })),
    only: 'mob-pairs',
    caughtBy: 'destroyed-mob-is-empty',
  },
  {
    fault: 'a kickoff that outlives its member',
    machine: () => withoutFollow('kickoffs', 'ObserveRuntimeRetired'),
    only: 'mob-kickoffs',
    caughtBy: 'kickoffs-belong-to-a-member',
  },
  {
    fault: 'a kickoff that ends and nobody hears of it',
    machine: () => withRow('kickoffs', 'CancelKickoff', 'cancelled', row => ({ ...row, emit: [] })),
    only: 'mob-kickoffs',
    caughtBy: 'kickoffs-end-once',
  },
  {
    fault: 'a member that takes the name of a peer outside',
    machine: () => withoutGuard('spawns', 'BeginSpawnExec', 'opened', 'isNoExternalPeer'),
    only: 'mob-replaced',
    caughtBy: 'external-peers-join-members',
  },
  {
    fault: 'an alternative that is left to start',
    machine: () => withRow('flows', 'StartStep', 'dispatched', row => ({ ...row, then: startOnly })),
    only: 'mob-collection',
    caughtBy: 'one-alternative-starts',
  },
  {
    fault: 'members who leave only while the mob runs',
    machine: () => withRow('roster', 'ObserveRuntimeRetired', 'left', row => ({ ...row, from: ['running'] })),
    only: 'seam',
    caughtBy: 'nobody-waits-for-nothing',
  },
  {
    fault: 'members who are placed only while the mob runs',
    machine: () => withRow('roster', 'ObserveRuntimeReady', 'ready', row => ({ ...row, from: ['running'] })),
    only: 'seam',
    caughtBy: 'nobody-waits-for-nothing',
  },
  {
    fault: 'a placement that comes too late for a retirement',
    machine: () => withRow('roster', 'ObserveRuntimeReady', 'too-late', row => ({ ...row, emit: [] })),
    only: 'seam',
    caughtBy: 'nobody-waits-for-nothing',
  },
  {
    fault: 'a retirement that asks a session without a placement, again and again',
    machine: () => withRow('roster', 'Retire', 'again', row => ({ ...row, when: [never] })),
    only: 'seam-disturbed',
    caughtBy: 'members-can-leave',
  },
  {
    fault: 'a refused placement that leaves a retiring member waiting for it',
    machine: () => withRow('roster', 'ResolveRuntimeBindingRefusal', 'left', row => ({ ...row, when: [never] })),
    only: 'seam-disturbed',
    caughtBy: 'members-can-leave',
  },
]

describe('a fault in the mob machine is found', () => {
  test.each(mutants)('$fault', { timeout: 60_000 }, ({ machine: mutant, only, caughtBy }) => {
    const report = verifyMob({ quick: true, machine: mutant(), only: [only] })
    expect(findings(report)).toContain(caughtBy)
    expect(report.configurations.map(one => one.name)).toEqual([only])
  })
})
