import { expect, test } from 'vitest'
import type { MobInput } from '../../../src/kernel/mob/inputs.ts'
import type { MobPhase } from '../../../src/kernel/mob/lifecycle/state.ts'
import type { WiringInput } from '../../../src/kernel/mob/wiring/input.ts'
import { endpoint, identity, retireA, spawn } from '../support/mob-play.ts'
import { askMobs, mobPhase, type Table } from './ask.ts'
import { mobsAfter, workingAfter } from './mobs.ts'

const NO = 'no-matching-transition'
const FALSE = 'guard-rejected'
const pair = { a: identity('a'), b: identity('b') }
const out = { identity: identity('a'), external: identity('x') }
const EXAMPLES = {
  WireMembers: { type: 'WireMembers', ...pair },
  UnwireMembers: { type: 'UnwireMembers', ...pair },
  ObserveMemberTrustWired: { type: 'ObserveMemberTrustWired', ...pair, fenceA: 1, fenceB: 1 },
  WireExternalPeer: { type: 'WireExternalPeer', ...out, endpoint: endpoint('x') },
  UnwireExternalPeer: { type: 'UnwireExternalPeer', ...out },
} as const
const TRUSTING: MobInput = { ...EXAMPLES.WireMembers, withTrust: true }
const TWO: readonly MobInput[] = spawn('b')

test('every input in every phase', () => {
  const elsewhere = {
    ...EXAMPLES.WireExternalPeer,
    identity: identity('b'),
    endpoint: endpoint('x', 'inproc://elsewhere'),
  }
  const sessions = {
    ...mobsAfter(...TWO),
    'running, wired': workingAfter(...TWO, EXAMPLES.WireMembers, EXAMPLES.WireExternalPeer),
    'running, to trust each other': workingAfter(...TWO, TRUSTING),
    'stopped, to trust each other': workingAfter(...TWO, TRUSTING, { type: 'Stop' }),
    'running, trusting each other': workingAfter(...TWO, TRUSTING, EXAMPLES.ObserveMemberTrustWired),
    'running, one leaves': workingAfter(...TWO, retireA),
    'running, one leaves that was wired': workingAfter(
      ...TWO,
      EXAMPLES.WireMembers,
      EXAMPLES.WireExternalPeer,
      retireA,
    ),
    'running, alone': workingAfter(),
    'running, the outsider is elsewhere': workingAfter(...TWO, elsewhere),
    'running, the outsider is a member': workingAfter(...TWO, ...spawn('x')),
    'running, the outsider is to be one': workingAfter(...TWO, ...spawn('x').slice(0, 2)),
  }
  const never = {
    WireMembers: NO,
    UnwireMembers: NO,
    ObserveMemberTrustWired: NO,
    WireExternalPeer: NO,
    UnwireExternalPeer: NO,
  } as const
  const resting = { ...never, ObserveMemberTrustWired: FALSE } as const
  const taken = {
    WireMembers: 'stays',
    UnwireMembers: 'stays',
    ObserveMemberTrustWired: FALSE,
    WireExternalPeer: 'stays',
    UnwireExternalPeer: 'stays',
  } as const
  const expected: Table<keyof typeof sessions, WiringInput['type'], MobPhase> = {
    running: taken,
    stopped: resting,
    completed: resting,
    destroyed: never,
    'running, wired': taken,
    'running, to trust each other': { ...taken, ObserveMemberTrustWired: 'stays' },
    'stopped, to trust each other': { ...resting, ObserveMemberTrustWired: 'stays' },
    'running, trusting each other': taken,
    'running, one leaves': { ...taken, WireMembers: FALSE, WireExternalPeer: FALSE },
    'running, one leaves that was wired': taken,
    'running, alone': { ...taken, WireMembers: FALSE },
    'running, the outsider is elsewhere': { ...taken, WireExternalPeer: FALSE },
    'running, the outsider is a member': { ...taken, WireExternalPeer: FALSE },
    'running, the outsider is to be one': { ...taken, WireExternalPeer: FALSE },
  }
  expect(askMobs(mobPhase, sessions, EXAMPLES)).toEqual(expected)
})
