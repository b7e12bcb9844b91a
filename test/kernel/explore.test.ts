import { describe, expect, test } from 'vitest'
import { type VerifyReport, verify } from '../../src/kernel/check/verify.ts'
import { emptyMap, mapDelete, mapSet, mapValues } from '../../src/kernel/persistent-map.ts'
import type { Routing } from '../../src/kernel/regions/routing/state.ts'
import type { Visibility } from '../../src/kernel/regions/visibility/state.ts'
import { isInTurn } from '../support/sample.ts'
import { asyncMutants } from './support/async-mutants.ts'
import { changedLedger, type Mutant, never, withFollow, withoutGuard, withoutRows, withRow } from './support/mutants.ts'

describe('the session machine, explored', () => {
  test('breaks no rule, traps nothing, and has no edge that is never taken', { timeout: 300_000 }, () => {
    const report = verify({ quick: true })
    expect(report.violations).toEqual([])
    expect(report.liveness.failures).toEqual([])
    expect(report.uncoveredEdges).toEqual([])
    expect(report.states).toBeGreaterThan(40_000)
    expect(report.liveness.checked).toBeGreaterThan(report.states)
  })

  test('tells of each configuration as it is done', () => {
    const heard: string[] = []
    const report = verify({ quick: true, only: ['turn', 'lifecycle'], onConfiguration: one => heard.push(one.name) })
    expect(heard).toEqual(['lifecycle', 'turn'])
    expect(report.configurations.map(one => one.name)).toEqual(heard)
    expect(report.uncoveredEdges.length).toBeGreaterThan(0)
  })
})

/** Every name of something that is wrong. Uncovered edges are named for all configurations, so only those that the sound machine takes count. */
function findings({ violations, liveness, uncoveredEdges }: VerifyReport): readonly string[] {
  return [...violations.map(one => one.invariant), ...liveness.failures.map(one => one.property), ...uncoveredEdges]
}

/** Rolls back and loses what the returning work carries. */
const losingCarried = changedLedger(ledger => {
  const carried = [...mapValues(ledger.entries)].filter(entry => entry.status === 'carried')
  return { ...ledger, entries: carried.reduce((map, { id }) => mapDelete(map, id), ledger.entries) }
})

/** Rolls back and lets a head sleep that carries others. */
const sleepingCarrier = changedLedger(ledger => {
  const waiting = [...mapValues(ledger.entries)].filter(entry => entry.status === 'queued')
  const head = waiting.find(entry => entry.carries.length > 0 && entry.wake)
  if (head === undefined) return ledger
  return { ...ledger, waking: ledger.waking - 1, entries: mapSet(ledger.entries, head.id, { ...head, wake: false }) }
})

const mutants: readonly Mutant[] = [
  {
    fault: 'a decision on what waits that nobody keeps',
    machine: () => withFollow('endings', 'GiveUpQueued', () => undefined),
    only: ['given-up'],
    caughtBy: 'inputs-end-exactly-once',
  },
  {
    fault: 'what was given up stays where it can run',
    machine: () => withRow('ledger', 'GiveUpQueued', 'given-up', ({ then: _, ...row }) => row),
    only: ['given-up'],
    caughtBy: 'given-up-inputs-left-the-ledger',
  },
  {
    fault: 'what was given up and never ends',
    machine: () => withoutRows('endings', 'EndGivenUp'),
    only: ['given-up'],
    caughtBy: 'work-reaches-its-end',
  },
  {
    fault: 'a commit that does not look whose run it is',
    machine: () => withoutGuard('lifecycle', 'Commit', 'done', 'isCurrentRun'),
    only: ['lifecycle'],
    caughtBy: 'a-run-is-reached-by-name',
  },
  {
    fault: 'a commit of a turn that has not completed',
    machine: () => withoutGuard('lifecycle', 'Commit', 'done', 'turnCompleted'),
    only: ['lifecycle'],
    caughtBy: 'follower-claims-its-phases',
  },
  {
    fault: 'a cancel that hits whatever run there is',
    machine: () => withoutGuard('run', 'CancelAfterBoundary', 'requested', 'isNamedRun'),
    only: ['lifecycle'],
    caughtBy: 'a-run-is-reached-by-name',
  },
  {
    fault: 'a run over nothing',
    machine: () => withoutGuard('lifecycle', 'Prepare', 'start', 'canPrepare'),
    only: ['lifecycle'],
    caughtBy: 'run-has-contributors',
  },
  {
    fault: 'a row that leads elsewhere than it says',
    machine: () => withRow('lifecycle', 'Resume', 'revive', row => ({ ...row, to: ['retired'] })),
    only: ['lifecycle'],
    caughtBy: 'row-claims-its-phases',
  },
  {
    fault: 'a follower that moves its phase without saying so',
    machine: () => withFollow('run', 'Recover', ({ moves: _, ...follow }) => follow),
    only: ['lifecycle'],
    caughtBy: 'follower-claims-its-phases',
  },
  {
    fault: 'a commit that forgets to end its inputs',
    machine: () => withFollow('ledger', 'Commit', () => undefined),
    only: ['lifecycle'],
    caughtBy: 'staged-inputs-belong-to-the-run',
  },
  {
    fault: 'inputs that end and nobody hears of it',
    machine: () => withFollow('ledger', 'Commit', ({ emit: _, ...follow }) => follow),
    only: ['lifecycle'],
    caughtBy: 'inputs-end-exactly-once',
  },
  {
    fault: 'an end that is told twice',
    machine: () =>
      withFollow('ledger', 'Fail', follow => ({ ...follow, emit: [...(follow.emit ?? []), ...(follow.emit ?? [])] })),
    only: ['lifecycle'],
    caughtBy: 'inputs-end-exactly-once',
  },
  {
    fault: 'a crash that leaves the run bound',
    machine: () => withFollow('run', 'Recover', () => undefined),
    only: ['lifecycle'],
    caughtBy: 'run-iff-running',
  },
  {
    fault: 'a stop that leaves the inputs of its run behind',
    machine: () => withFollow('ledger', 'RuntimeExecutorExited', () => undefined),
    only: ['lifecycle'],
    caughtBy: 'staged-inputs-belong-to-the-run',
  },
  {
    fault: 'a destroyed session that keeps its inputs',
    machine: () => withFollow('ledger', 'Destroy', () => undefined),
    only: ['lifecycle'],
    caughtBy: 'ended-owes-nothing',
  },
  {
    fault: 'a new identity that keeps the old placement attached',
    machine: () => withFollow('lifecycle', 'RegisterSession/new', () => undefined),
    only: ['binding'],
    caughtBy: 'attached-has-executor-or-binding',
  },
  {
    fault: 'a teardown that ends before its obligations are closed',
    machine: () => withoutGuard('registration', 'UnregisterSession', 'closed', 'allObligationsClosed'),
    only: ['teardown'],
    caughtBy: 'unregistered-after-drain',
  },
  {
    fault: 'a rollback that loses what its work carries',
    machine: () => withFollow('ledger', 'RollbackRun', losingCarried),
    only: ['riders'],
    full: true,
    caughtBy: 'carried-inputs-have-a-carrier',
  },
  {
    fault: 'work that others joined and that starts no run again',
    machine: () => withFollow('ledger', 'RollbackRun', sleepingCarrier),
    only: ['riders'],
    full: true,
    caughtBy: 'work-reaches-its-end',
  },
  {
    fault: 'passive inputs that wait for ever in a retired session',
    machine: () => withFollow('ledger', 'Retire', () => undefined),
    only: ['passives'],
    full: true,
    caughtBy: 'work-reaches-its-end',
  },
  {
    fault: 'a turn that completes over a steer',
    machine: () => withRow('turn', 'BoundaryComplete', 'steered', row => ({ ...row, when: [never] })),
    only: ['order'],
    full: true,
    caughtBy: 'steers-are-heard',
  },
  {
    fault: 'a call still in flight after its executor was lost',
    machine: () => withFollow('calls', 'RollbackRun', () => undefined),
    only: ['call-policies'],
    caughtBy: 'dispatched-calls-belong-to-the-run',
  },
  {
    fault: 'calls that outlive the work they belong to',
    machine: () => withFollow('calls', 'AcceptInput/enqueued', () => undefined),
    only: ['calls-and-queue'],
    caughtBy: 'calls-belong-to-unfinished-work',
  },
  {
    fault: 'a run that dispatches the call of another',
    machine: () => withoutGuard('calls', 'DispatchCalls', 'dispatched', 'areOwed'),
    only: ['calls-and-queue'],
    caughtBy: 'dispatched-calls-belong-to-the-run',
  },
  {
    fault: 'an approval that nobody can give',
    machine: () => withoutRows('calls', 'DecideApproval'),
    only: ['call-policies'],
    caughtBy: 'work-reaches-its-end',
  },
  {
    fault: 'a phase that only destruction ends',
    machine: () => withoutRows('lifecycle', 'Reset'),
    only: ['runs'],
    caughtBy: 'phases-have-a-way-out',
  },
  {
    fault: 'a boundary that waits for every decision',
    machine: () => withRow('turn', 'ToolCallsResolved', 'pending', row => ({ ...row, when: [never] })),
    only: ['pending-calls'],
    caughtBy: 'pending-work-hears',
  },
  {
    fault: 'work that waits for a decision and is refused the run in which it would hear steers',
    machine: () => withRow('lifecycle', 'Prepare', 'hear', row => ({ ...row, when: [never] })),
    only: ['pending-calls'],
    caughtBy: 'pending-work-hears',
  },
  {
    fault: 'a runnable session whose run is refused',
    machine: () => withRow('lifecycle', 'DrainQueuedRun', 'drain', row => ({ ...row, when: [never] })),
    only: ['runs'],
    caughtBy: 'runnable-runs',
  },
  ...asyncMutants,
  {
    fault: 'a tool that a filter names and nobody provides',
    machine: () => withoutGuard('visibility', 'ReplaceFilterToolAuthorityCatalog', 'replaced', 'keepsFilteredTools'),
    only: ['visible-sets'],
    caughtBy: 'named-tools-have-a-provider',
  },
  {
    fault: 'a part that is committed as if it were the whole',
    machine: () =>
      withRow('visibility', 'CommitVisibilityFilter', 'committed', row => ({
        ...row,
        then: slice => {
          const { active, staged, ...rest } = slice as Visibility
          return { ...rest, staged, active: { ...active, filter: staged.filter, revision: staged.revision } }
        },
      })),
    only: ['visible-sets'],
    caughtBy: 'revisions-tell-visible-sets-apart',
  },
  {
    fault: 'an image operation that ends and has its model asked on',
    machine: () =>
      withFollow('routing', 'Recover', () => ({ then: slice => ({ ...(slice as Routing), images: emptyMap() }) })),
    only: ['images'],
    caughtBy: 'one-image-override',
  },
  {
    fault: 'a stop that is lost with the owner who was asked for it',
    machine: () => withRow('lifecycle', 'RuntimeExecutorExited', 'exit', row => ({ ...row, when: [never] })),
    only: ['lifecycle'],
    caughtBy: 'owed-steps-settle',
  },
  {
    fault: 'leftovers of a retired session that stay for ever',
    machine: () => withRow('lifecycle', 'Retire', 'again', row => ({ ...row, when: [never] })),
    only: ['riders'],
    full: true,
    caughtBy: 'owed-steps-settle',
  },
  {
    fault: 'a row that nothing ever reaches',
    machine: () => withRow('run', 'InterruptCurrentRun', 'again', row => ({ ...row, when: [never] })),
    only: ['lifecycle'],
    caughtBy: 'run/InterruptCurrentRun/again bound',
  },
]

describe('a fault in the machine is found', () => {
  const inTurn = mutants.filter((_, n) => isInTurn(n, 3))
  test.each(inTurn)('$fault', ({ machine, only, full = false, caughtBy }) => {
    const report = verify({ quick: !full, machine: machine(), only })
    expect(findings(report)).toContain(caughtBy)
    for (const { path } of [...report.violations, ...report.liveness.failures]) expect(path.length).toBeGreaterThan(0)
  })
})
