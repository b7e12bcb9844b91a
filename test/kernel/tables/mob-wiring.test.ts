import { expect, test } from 'vitest'
import type { MobPhase } from '../../../src/kernel/mob/lifecycle.ts'
import type { MobInput } from '../../../src/kernel/mob/machine.ts'
import type { WiringInput } from '../../../src/kernel/mob/wiring.ts'
import { identity, retireA, spawn } from '../support/mob-play.ts'
import { askMobs, mobPhase, type Table } from './ask.ts'
import { mobsAfter, workingAfter } from './mobs.ts'

const NO = 'no-matching-transition'
const pair = { a: identity('a'), b: identity('b') }
const EXAMPLES = {
  WireMembers: { type: 'WireMembers', ...pair },
  UnwireMembers: { type: 'UnwireMembers', ...pair },
} as const
const TWO: readonly MobInput[] = spawn('b')

test('every input in every phase', () => {
  const sessions = {
    ...mobsAfter(...TWO),
    'running, wired': workingAfter(...TWO, EXAMPLES.WireMembers),
    'running, one leaves': workingAfter(...TWO, retireA),
    'running, one leaves that was wired': workingAfter(...TWO, EXAMPLES.WireMembers, retireA),
    'running, alone': workingAfter(),
  }
  const never = { WireMembers: NO, UnwireMembers: NO } as const
  const expected: Table<keyof typeof sessions, WiringInput['type'], MobPhase> = {
    running: { WireMembers: 'stays', UnwireMembers: 'stays' },
    stopped: never,
    completed: never,
    destroyed: never,
    'running, wired': { WireMembers: 'stays', UnwireMembers: 'stays' },
    'running, one leaves': { WireMembers: 'guard-rejected', UnwireMembers: 'stays' },
    'running, one leaves that was wired': { WireMembers: 'stays', UnwireMembers: 'stays' },
    'running, alone': { WireMembers: 'guard-rejected', UnwireMembers: 'stays' },
  }
  expect(askMobs(mobPhase, sessions, EXAMPLES)).toEqual(expected)
})
