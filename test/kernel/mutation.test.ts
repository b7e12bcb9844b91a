import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { mutantsOf } from '../../src/kernel/check/mutate.ts'
import { type VerifyReport, verify } from '../../src/kernel/check/verify.ts'
import { mapOf, mapSet, mapValues } from '../../src/kernel/persistent-map.ts'
import type { Calls } from '../../src/kernel/regions/calls/state.ts'
import type { Ledger } from '../../src/kernel/regions/ledger/state.ts'
import type { Run } from '../../src/kernel/regions/run/state.ts'
import { changedLedger, type SessionMachine, withFollow, withoutGuard, withRow } from './support/mutants.ts'

const found = ({ violations, liveness }: VerifyReport): readonly string[] => [
  ...violations.map(one => one.invariant),
  ...liveness.failures.map(one => one.property),
]

/** What comes in is put into the lane that it was not meant for. */
const swappedLanes = changedLedger(ledger => ({ ...ledger, queue: ledger.steer, steer: ledger.queue }))

/** What returns to its lane may start no run of its own accord any more. */
const asleep = changedLedger(ledger => {
  const returned = [...mapValues(ledger.entries)].find(entry => entry.status === 'queued' && entry.wake)
  if (returned === undefined) return ledger
  const entries = mapSet(ledger.entries, returned.id, { ...returned, wake: false })
  return { ...ledger, waking: ledger.waking - 1, entries }
})

function triedOften(ledger: Ledger): Ledger {
  const tried = [...mapValues(ledger.entries)].map(entry => [entry.id, { ...entry, attempts: 9 }] as const)
  return { ...ledger, entries: mapOf(tried) }
}

/** The turn's last word is taken for the commit: who waits for the inputs is told while the run may yet be lost. */
const saidTooEarly = (): SessionMachine =>
  withRow('turn', 'BoundaryComplete', 'complete', row => ({
    ...row,
    emit: [
      ...(row.emit ?? []),
      after =>
        (after.run.phase === 'bound' ? after.run.contributors : []).map(inputId => ({
          type: 'InputTerminated',
          inputId,
          terminal: { status: 'consumed' },
          attempts: 1,
        })),
    ],
  }))

const defects: readonly (readonly [fault: string, machine: () => SessionMachine, only: string, caughtBy: string])[] = [
  [
    'a dropped guard: calls of another run are dispatched',
    () => withoutGuard('calls', 'DispatchCalls', 'dispatched', 'areOwed'),
    'calls-and-queue',
    'dispatched-calls-belong-to-the-run',
  ],
  [
    'a swapped lane',
    () =>
      withRow('ledger', 'AcceptInput', 'enqueued', row =>
        row.then === undefined ? row : { ...row, ...swappedLanes({ then: row.then }) },
      ),
    'lanes',
    'lanes-hold-queued-inputs',
  ],
  [
    'a missing wake: work that an attempt left starts no run again',
    () => withFollow('ledger', 'RollbackRun', asleep),
    'turn',
    'work-reaches-its-end',
  ],
  [
    'a summary that stands for more than there is',
    () =>
      withRow('transcript', 'CompactTranscript', 'compacted', row => ({
        ...row,
        then: (_, __, { transcript: { length } }) => ({ length: length + 1, contextFrom: length + 2 }),
      })),
    'transcript',
    'context-within-transcript',
  ],
  [
    'an input that is in its run twice',
    () =>
      withFollow('run', 'Prepare', follow => ({
        ...follow,
        then: (...known) => {
          const run = follow.then?.(...known) as Run
          return run.phase === 'bound' ? { ...run, contributors: [...run.contributors, ...run.contributors] } : run
        },
      })),
    'lifecycle',
    'contributors-are-distinct',
  ],
  [
    'attempts without end',
    () => withFollow('ledger', 'RollbackRun', changedLedger(triedOften)),
    'turn',
    'attempts-are-bounded',
  ],
  [
    'a call that waits for nobody',
    () =>
      withRow('calls', 'RecordCallIntents', 'intended', row => ({
        ...row,
        then: (...known) => ({ ...(row.then?.(...known) as Calls), unsettled: 0 }),
      })),
    'call-policies',
    'unsettled-counts-waiting-calls',
  ],
  ['an effect before its commit: an end that is told too early', saidTooEarly, 'turn', 'inputs-end-exactly-once'],
]

describe('mutants of the session machine', () => {
  test.each(defects)('%s', (_, machine, only, caughtBy) => {
    expect(found(verify({ quick: true, machine: machine(), only: [only] }))).toContain(caughtBy)
  })

  test('have names of their own, and each is another machine', () => {
    const mutants = mutantsOf()
    expect(new Set(mutants.map(one => one.id)).size).toBe(mutants.length)
    for (const region of new Set(mutants.map(one => one.region)))
      expect(mutantsOf(region).every(one => one.region === region)).toBe(true)
  })

  test('go unnoticed only where docs/mutation.md says so', { timeout: 120_000 }, () => {
    const script = new URL('../../scripts/mutate.ts', import.meta.url).pathname
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--sample', '40', '--seed', '1'], {
      encoding: 'utf8',
    })
    expect({
      status,
      unnoticed: stdout.split('\n').filter(line => line.startsWith('not noticed')),
      stderr,
    }).toMatchObject({
      status: 0,
      unnoticed: [],
    })
  })
})
