/** The checker has to catch what it is for: a sound history passes, and every way of spoiling it is named. */
import { expect, test } from 'vitest'
import type { EventView } from '../../src/events.ts'
import { checkHistory } from '../../src/testing/sim/check-history.ts'
import type { Effect, History, Rule, SessionHistory, Told } from '../../src/testing/sim/history.ts'

type Event = { readonly type: string; readonly [field: string]: unknown }

/** Two inputs, one run each, a tool call in the first; a third input steered into the second run, which was cancelled. */
const EVENTS: readonly Event[] = [
  { type: 'input.accepted', inputId: 'i1' },
  { type: 'input.queued', inputId: 'i1' },
  { type: 'input.staged', inputId: 'i1', runId: 'r1' },
  { type: 'run.started', runId: 'r1' },
  { type: 'input.accepted', inputId: 'i2' },
  { type: 'input.queued', inputId: 'i2' },
  { type: 'tool.started', runId: 'r1', callId: 'call' },
  { type: 'run.boundary', runId: 'r1', boundary: 1 },
  { type: 'run.boundary', runId: 'r1', boundary: 2 },
  { type: 'input.consumed', inputId: 'i1' },
  { type: 'run.completed', runId: 'r1' },
  { type: 'input.staged', inputId: 'i2', runId: 'r2' },
  { type: 'run.started', runId: 'r2' },
  { type: 'input.accepted', inputId: 'i3' },
  { type: 'input.queued', inputId: 'i3', lane: 'steer' },
  { type: 'input.steered', inputId: 'i3', runId: 'r2' },
  { type: 'run.boundary', runId: 'r2', boundary: 1 },
  { type: 'input.consumed', inputId: 'i2' },
  { type: 'input.consumed', inputId: 'i3' },
  { type: 'run.cancelled', runId: 'r2' },
]

const told: readonly Told[] = [
  { type: 'accepted', session: 's', outcome: 'accepted', inputId: 'i1', content: 'one', key: 'k' },
  { type: 'accepted', session: 's', outcome: 'deduplicated', inputId: 'i1', content: 'one', key: 'k' },
  {
    type: 'status',
    session: 's',
    inputId: 'i1',
    status: 'consumed',
    result: { outcome: 'completed', runId: 'r1' as never, text: 'done' },
  },
  { type: 'cancel', session: 's', named: 'r2', answer: { cancelled: true, runId: 'r2' } },
  { type: 'withdrawn', session: 's', inputId: 'i2', withdrawn: false },
  { type: 'read', session: 's', reader: 'c', cursors: ['1.0', '2.0', '3.0'] },
  { type: 'runnable', session: 's', at: 0, runs: 1 },
  { type: 'runnable', session: 's', at: 9, runs: 1 },
  { type: 'runnable', session: 's', at: 20, runs: 2 },
]

const effect: Effect = { session: 's', runId: 'r1', callId: 'call', tool: 't', policy: 'ask', position: 7 }

const session = (events: readonly Event[]): SessionHistory => ({
  id: 's',
  events: events.map(
    (event, index) => ({ cursor: `${index + 1}.0`, sessionId: 's', at: '', ...event }) as unknown as EventView,
  ),
  inputs: ['one', 'two', 'three'].map(
    (content, index) =>
      ({
        id: `i${index + 1}`,
        at: 0,
        mode: 'queue',
        kind: 'prompt',
        content,
        position: 1,
        ...(index === 0 && { idempotencyKey: 'k' }),
      }) as never,
  ),
  ended: ['r1', 'r2', 'r2'].map(
    (runId, index) =>
      ({
        id: `i${index + 1}`,
        status: 'consumed',
        attempts: 1,
        position: 9,
        result: { outcome: index === 0 ? 'completed' : 'cancelled', runId },
        ...(index === 0 && { text: 'done' }),
      }) as never,
  ),
})

const sound: History = { told, sessions: [session(EVENTS)], effects: [effect], settled: true, startWithinMs: 10 }

const rulesOf = (history: History): readonly Rule[] => [...new Set(checkHistory(history).map(({ rule }) => rule))]

/** The sound history with other events, or other things told besides. */
const withEvents = (change: (events: readonly Event[]) => readonly Event[]): History => ({
  ...sound,
  sessions: [session(change(EVENTS))],
})
const withTold = (...more: readonly Told[]): History => ({ ...sound, told: [...told, ...more] })
const withSession = (change: (one: SessionHistory) => Partial<SessionHistory>): History => {
  const one = session(EVENTS)
  return { ...sound, sessions: [{ ...one, ...change(one) }] }
}
const swap = (one: number, other: number) => (events: readonly Event[]) =>
  events.map((event, index) => events[index === one ? other : index === other ? one : index] ?? event)
const without = (index: number) => (events: readonly Event[]) => events.toSpliced(index, 1)

const spoiled: Readonly<Record<string, readonly [Rule, History]>> = {
  'an acknowledged input is not there': [
    'acknowledged-lost',
    withTold({ type: 'accepted', session: 's', outcome: 'accepted', inputId: 'i9', content: 'nine' }),
  ],
  'a status of an input that is not there': [
    'acknowledged-lost',
    withTold({ type: 'status', session: 's', inputId: 'i9', status: 'queued' }),
  ],
  'an input that is stored with other content': [
    'content-changed',
    withTold({ type: 'accepted', session: 's', outcome: 'accepted', inputId: 'i2', content: 'something else' }),
  ],
  'a key that was answered with two inputs': [
    'key-rebound',
    withTold({ type: 'accepted', session: 's', outcome: 'accepted', inputId: 'i2', content: 'two', key: 'k' }),
  ],
  'a key that is stored with two inputs': [
    'key-rebound',
    withSession(({ inputs }) => ({ inputs: inputs.map(input => ({ ...input, idempotencyKey: 'k' })) })),
  ],
  'an input that was accepted twice': [
    'accepted-twice',
    withSession(({ inputs }) => ({ inputs: [...inputs, ...inputs.slice(2)] })),
  ],
  'an input that ended twice': ['ended-twice', withSession(({ ended }) => ({ ended: [...ended, ...ended.slice(1)] }))],
  'an input that ended and was never accepted': [
    'ended-twice',
    withSession(({ inputs }) => ({ inputs: inputs.slice(0, 2) })),
  ],
  'an input that never ended': ['never-ended', withSession(({ ended }) => ({ ended: ended.slice(0, 2) }))],
  'a waiter who heard another outcome': [
    'answer-differs',
    withTold({
      type: 'status',
      session: 's',
      inputId: 'i2',
      status: 'consumed',
      result: { outcome: 'completed', runId: 'r2' as never },
    }),
  ],
  'a waiter who heard another text': [
    'answer-differs',
    withTold({
      type: 'status',
      session: 's',
      inputId: 'i1',
      status: 'consumed',
      result: { outcome: 'completed', runId: 'r1' as never, text: 'dome' },
    }),
  ],
  'a waiter who heard of an end before there was one': [
    'answer-differs',
    { ...withSession(({ ended }) => ({ ended: ended.slice(1) })), settled: false },
  ],
  'an input that ran though it was withdrawn': [
    'withdrawn-ran',
    withTold({ type: 'withdrawn', session: 's', inputId: 'i2', withdrawn: true }),
  ],
  'an input that overtook another one': [
    'overtaken',
    withEvents(events => [events[0], events[1], events[4], events[5], events[11], events[2]] as readonly Event[]),
  ],
  'an input that was staged before it was queued': ['overtaken', withEvents(swap(2, 11))],
  'a run that began while another one was current': ['runs-overlap', withEvents(swap(10, 12))],
  'a run that ended twice, once each way': [
    'runs-overlap',
    withEvents(events => [...events, { type: 'run.cancelled', runId: 'r1' }]),
  ],
  'a run that never ended': ['run-not-ended', withEvents(without(19))],
  'a receipt that is missing': ['receipts-gap', withEvents(without(7))],
  'a receipt that was written twice': [
    'receipts-gap',
    withEvents(events => events.toSpliced(8, 0, events[7] as Event)),
  ],
  'a receipt of a run that is over': ['receipts-gap', withEvents(swap(8, 13))],
  'a run that was cancelled and nobody asked': [
    'cancel-hit-another',
    { ...sound, told: told.filter(({ type }) => type !== 'cancel') },
  ],
  'a cancel that hit the successor': [
    'cancel-hit-another',
    {
      ...sound,
      told: [
        { type: 'cancel', session: 's', named: 'r1', answer: { cancelled: true, runId: 'r2' } },
        ...told.slice(0, 3),
      ],
    },
  ],
  'a refused cancel that took effect': [
    'cancel-hit-another',
    { ...sound, told: [{ type: 'cancel', session: 's', named: 'r2', refused: 'not-ready' }] },
  ],
  'a session that could run and did not': [
    'wake-up-lost',
    withTold({ type: 'runnable', session: 's', at: 31, runs: 2 }),
  ],
  'an effect that was repeated without consent': [
    'effect-repeated',
    { ...sound, effects: [effect, { ...effect, runId: 'r2' }] },
  ],
  'a repetition within one run': [
    'effect-repeated',
    { ...sound, effects: [effect, effect].map(one => ({ ...one, policy: 'retry' })) },
  ],
  'an effect without an intent': ['effect-unannounced', { ...sound, effects: [{ ...effect, callId: 'other' }] }],
  'an effect before its intent': ['effect-unannounced', { ...sound, effects: [{ ...effect, position: 6 }] }],
  'a reader who missed an event': [
    'cursor-gap',
    withTold({ type: 'read', session: 's', reader: 'd', cursors: ['1.0', '3.0'] }),
  ],
  'a reader who read an event twice': [
    'cursor-gap',
    withTold({ type: 'read', session: 's', reader: 'd', cursors: ['1.0', '1.0'] }),
  ],
  'a request that failed as none may': ['fault', withTold({ type: 'fault', what: 'internal' })],
}

test('a sound history passes', () => {
  expect(checkHistory(sound)).toEqual([])
})

test.each(Object.entries(spoiled))('%s', (_, [rule, history]) => {
  expect(rulesOf(history)).toContain(rule)
})

test('every rule is broken by one of them', () => {
  const rules: Record<Rule, true> = {
    'acknowledged-lost': true,
    'accepted-twice': true,
    'key-rebound': true,
    'content-changed': true,
    'ended-twice': true,
    'never-ended': true,
    'answer-differs': true,
    'withdrawn-ran': true,
    overtaken: true,
    'runs-overlap': true,
    'run-not-ended': true,
    'receipts-gap': true,
    'cancel-hit-another': true,
    'wake-up-lost': true,
    'effect-repeated': true,
    'effect-unannounced': true,
    'cursor-gap': true,
    fault: true,
  }
  expect(new Set(Object.values(spoiled).map(([rule]) => rule))).toEqual(new Set(Object.keys(rules)))
})

test('what may be is no violation', () => {
  const again = { ...effect, runId: 'r2' }
  const consent: Told = { type: 'resolve', session: 's', callId: 'call', resolution: 'retry' }
  const fine: readonly History[] = [
    { ...withTold(consent), effects: [effect, again] },
    { ...sound, effects: [effect, again].map(one => ({ ...one, policy: 'retry' })) },
    { ...sound, told: [{ type: 'cancel', session: 's' }] },
    { ...withEvents(without(19)), settled: false },
    { ...withSession(({ ended }) => ({ ended: ended.slice(0, 2) })), excused: ['s'] },
  ]
  for (const history of fine) expect(checkHistory(history)).toEqual([])
})
