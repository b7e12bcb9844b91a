import type { MeerkatEffect, MeerkatInput, SessionId } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import type { SupervisorVerdict } from '../../src/kernel/regions/supervisor/effect.ts'
import type { SupervisorInput } from '../../src/kernel/regions/supervisor/input.ts'
import type { Supervisor } from '../../src/kernel/regions/supervisor/state.ts'
import { kinds, type Play } from './support/play.ts'
import {
  bind,
  claim,
  edge,
  identity,
  inPhase,
  NEXT,
  nextPublished,
  observe,
  previousRevoked,
  ROTATED,
  revoke,
  revoked,
  S,
  sender,
  served,
  submit,
} from './support/supervision.ts'
import { lifecycleOf, livesAfter, type TruthTable, tornDown, truths } from './support/truth-table.ts'

type Type = SupervisorInput['type']
type Phase = Supervisor['phase']

const EXAMPLES = {
  ResolveSupervisorBindAdmission: { type: 'ResolveSupervisorBindAdmission', ...claim() },
  ResolveSupervisorBindMaterialAdmission: {
    type: 'ResolveSupervisorBindMaterialAdmission',
    addressMatches: true,
    senderMatchesSupervisor: true,
    expectedPeerIdMatches: true,
    bootstrapTokenMatches: true,
  },
  BindSupervisor: bind,
  ResolveSupervisorAuthorizeAdmission: {
    type: 'ResolveSupervisorAuthorizeAdmission',
    supervisor: identity('s', 2),
    ...sender('s'),
  },
  AuthorizeSupervisor: { type: 'AuthorizeSupervisor', supervisor: identity('s', 2) },
  RefreshSupervisorBindingRoute: {
    type: 'RefreshSupervisorBindingRoute',
    supervisor: identity('s', 1, 'elsewhere'),
    ...sender('s'),
  },
  RequestSupervisorTrustPublish: { type: 'RequestSupervisorTrustPublish', supervisor: S },
  SupervisorTrustEdgePublished: { type: 'SupervisorTrustEdgePublished', ...edge(S) },
  SupervisorTrustEdgePublishFailed: { type: 'SupervisorTrustEdgePublishFailed', ...edge(S), reason: 'no route' },
  RevokeSupervisor: revoke,
  SupervisorTrustEdgeRevoked: revoked,
  SupervisorTrustEdgeRevokeFailed: { type: 'SupervisorTrustEdgeRevokeFailed', ...edge(S), reason: 'no route' },
  ResolveSupervisorBridgeCommandAdmission: { type: 'ResolveSupervisorBridgeCommandAdmission', ...claim() },
  ResolveSupervisorCleanupCommandAdmission: {
    type: 'ResolveSupervisorCleanupCommandAdmission',
    command: 'Retire',
    ...claim(),
  },
  SubmitSupervisorRotation: submit(),
  SupervisorRotationPreviousRevoked: previousRevoked,
  SupervisorRotationNextPublished: nextPublished,
  ResumeSupervisorRotation: { type: 'ResumeSupervisorRotation', operationId: 'o' },
  ObserveSupervisorRotation: observe('s'),
} as const

const NEVER = {
  ResolveSupervisorBindAdmission: 'no-matching-transition',
  ResolveSupervisorBindMaterialAdmission: 'no-matching-transition',
  BindSupervisor: 'no-matching-transition',
  ResolveSupervisorAuthorizeAdmission: 'no-matching-transition',
  AuthorizeSupervisor: 'no-matching-transition',
  RefreshSupervisorBindingRoute: 'no-matching-transition',
  RequestSupervisorTrustPublish: 'no-matching-transition',
  SupervisorTrustEdgePublished: 'no-matching-transition',
  SupervisorTrustEdgePublishFailed: 'no-matching-transition',
  RevokeSupervisor: 'no-matching-transition',
  SupervisorTrustEdgeRevoked: 'no-matching-transition',
  SupervisorTrustEdgeRevokeFailed: 'no-matching-transition',
  ResolveSupervisorBridgeCommandAdmission: 'no-matching-transition',
  ResolveSupervisorCleanupCommandAdmission: 'no-matching-transition',
  SubmitSupervisorRotation: 'no-matching-transition',
  SupervisorRotationPreviousRevoked: 'no-matching-transition',
  SupervisorRotationNextPublished: 'no-matching-transition',
  ResumeSupervisorRotation: 'no-matching-transition',
  ObserveSupervisorRotation: 'no-matching-transition',
} as const

/** What is answered whoever supervises. */
const ASKED = {
  ...NEVER,
  ResolveSupervisorBindAdmission: 'stays',
  ResolveSupervisorBindMaterialAdmission: 'stays',
  ResolveSupervisorAuthorizeAdmission: 'stays',
  ResolveSupervisorBridgeCommandAdmission: 'stays',
  ResolveSupervisorCleanupCommandAdmission: 'stays',
  SubmitSupervisorRotation: 'stays',
  ObserveSupervisorRotation: 'stays',
} as const

describe('a session’s supervision', () => {
  test('changes hands as the table says', () => {
    const bound = {
      ...ASKED,
      AuthorizeSupervisor: 'stays',
      RefreshSupervisorBindingRoute: 'stays',
      RequestSupervisorTrustPublish: 'stays',
      SupervisorTrustEdgePublished: 'stays',
      SupervisorTrustEdgePublishFailed: 'stays',
      RevokeSupervisor: 'revoking',
      SubmitSupervisorRotation: 'rotatingOut',
      ResumeSupervisorRotation: 'guard-rejected',
    } as const
    const expected: TruthTable<Phase, Type> = {
      unbound: { ...ASKED, BindSupervisor: 'bound', ResumeSupervisorRotation: 'guard-rejected' },
      bound,
      revoking: {
        ...ASKED,
        RevokeSupervisor: 'stays',
        SupervisorTrustEdgeRevoked: 'unbound',
        SupervisorTrustEdgeRevokeFailed: 'stays',
        ResumeSupervisorRotation: 'guard-rejected',
      },
      rotatingOut: { ...ASKED, SupervisorRotationPreviousRevoked: 'rotatingIn', ResumeSupervisorRotation: 'stays' },
      rotatingIn: { ...ASKED, SupervisorRotationNextPublished: 'bound', ResumeSupervisorRotation: 'stays' },
    }
    const sessions = Object.fromEntries(Object.entries(inPhase).map(([phase, make]) => [phase, make()]))
    const found = truths<Phase, Type>(({ supervisor }) => supervisor.phase, sessions as Record<Phase, Play>, EXAMPLES)
    expect(found).toEqual(expected)
  })

  test('of one that is bound, through the life of its session', () => {
    const open = {
      ...ASKED,
      AuthorizeSupervisor: 'stays',
      RefreshSupervisorBindingRoute: 'stays',
      RequestSupervisorTrustPublish: 'stays',
      SupervisorTrustEdgePublished: 'stays',
      SupervisorTrustEdgePublishFailed: 'stays',
      RevokeSupervisor: 'stays',
      ResumeSupervisorRotation: 'guard-rejected',
    } as const
    const closed = {
      ...open,
      ResolveSupervisorBindAdmission: 'no-matching-transition',
      ResolveSupervisorBindMaterialAdmission: 'no-matching-transition',
      ResolveSupervisorBridgeCommandAdmission: 'no-matching-transition',
      SubmitSupervisorRotation: 'guard-rejected',
    } as const
    const expected: TruthTable<string, Type> = {
      initializing: NEVER,
      idle: open,
      attached: open,
      running: open,
      retired: closed,
      stopped: closed,
      destroyed: { ...closed, AuthorizeSupervisor: 'no-matching-transition' },
    }
    expect(truths(lifecycleOf, livesAfter(bind), EXAMPLES)).toEqual(expected)
  })

  test('survives a restart and a destruction, and ends with the session’s identity', () => {
    const play = served(bind, submit(), previousRevoked)
    const before = play.state.supervisor
    play.do({ type: 'Recover' })
    expect(play.state.supervisor).toBe(before)
    play.do({ type: 'RegisterSession', sessionId: 'other' as SessionId })
    expect(play.state.supervisor.phase).toBe('unbound')
    expect(tornDown(...ROTATED).state.supervisor).toMatchObject({ phase: 'unbound', receiptOrder: [] })
    const gone = served(bind, { type: 'Destroy' }, revoke, revoked)
    expect(gone.state.supervisor).toMatchObject({ phase: 'unbound', revoked: S })
  })
})

describe('a first binding', () => {
  const asked = (play: Play, ...which: Parameters<typeof claim>): SupervisorVerdict =>
    verdictOf(play, { type: 'ResolveSupervisorBindAdmission', ...claim(...which) })

  test('is admitted where nobody supervises and nothing is pending', () => {
    expect(asked(inPhase.unbound())).toBe('Bootstrap')
    const bound = inPhase.bound()
    expect([asked(bound), asked(bound, 1, 'p'), asked(bound, 2)]).toEqual([
      'IdempotentAck',
      'SenderMismatch',
      'AlreadyBound',
    ])
    for (const phase of ['revoking', 'rotatingOut', 'rotatingIn'] as const) {
      expect(asked(inPhase[phase]())).toBe('RevocationPending')
    }
  })

  test('names the first thing that is wrong with its material', () => {
    const good = EXAMPLES.ResolveSupervisorBindMaterialAdmission
    const wrong = [
      ['addressMatches', 'AddressMismatch'],
      ['senderMatchesSupervisor', 'SenderMismatch'],
      ['expectedPeerIdMatches', 'InvalidPeerSpec'],
      ['bootstrapTokenMatches', 'InvalidBootstrapToken'],
    ] as const
    const play = served()
    expect(verdictOf(play, good)).toBe('Accept')
    for (const [index, [fact, verdict]] of wrong.entries()) {
      const later = Object.fromEntries(wrong.slice(index).map(([name]) => [name, false]))
      expect(verdictOf(play, { ...good, ...later })).toBe(verdict)
      expect(verdictOf(play, { ...good, [fact]: false })).toBe(verdict)
    }
  })

  test('is published until the peers have answered, and asked for again where they could not', () => {
    const play = served()
    expect(play.do(bind)).toEqual([{ type: 'PublishSupervisorTrustEdge', supervisor: S }])
    expect(play.state.supervisor).toMatchObject({ phase: 'bound', publishPending: true })
    play.do(EXAMPLES.SupervisorTrustEdgePublishFailed)
    expect(play.state.supervisor).toMatchObject({ phase: 'bound', publishPending: false })
    expect(play.refused(EXAMPLES.SupervisorTrustEdgePublished).reason).toContain('isPublishPending')
    expect(kinds(play.do(EXAMPLES.RequestSupervisorTrustPublish))).toEqual(['PublishSupervisorTrustEdge'])
    expect(play.refused({ type: 'SupervisorTrustEdgePublished', ...edge(identity('s', 2)) }).kind).toBe(
      'guard-rejected',
    )
    play.do(EXAMPLES.SupervisorTrustEdgePublished)
    expect(play.state.supervisor).toMatchObject({ publishPending: false })
  })
})

describe('a supervisor', () => {
  test.each([
    ['its own next epoch', identity('s', 2), 's', 'Proceed'],
    ['itself', S, 's', 'IdempotentAck'],
    ['another address', identity('s', 1, 'elsewhere'), 's', 'RotationNotAllowed'],
    ['another supervisor', NEXT, 's', 'RotationNotAllowed'],
    ['an earlier epoch', identity('s', 0), 's', 'StaleSupervisor'],
    ['an earlier epoch, by a stranger', identity('s', 0), 'p', 'StaleSupervisor'],
    ['its next epoch, by a stranger', identity('s', 2), 'p', 'SenderMismatch'],
  ] as const)('asks to be authorised as %s', (_, supervisor, from, verdict) => {
    const ask = { type: 'ResolveSupervisorAuthorizeAdmission', supervisor, ...sender(from) } as const
    expect(verdictOf(inPhase.bound(), ask)).toBe(verdict)
    expect(verdictOf(inPhase.revoking(), ask)).toBe('NotBound')
    const retired = served(bind, { type: 'Retire' })
    expect(verdictOf(retired, ask)).toBe(verdict === 'Proceed' ? 'RotationNotAllowed' : verdict)
  })

  test('moves on to its next epoch only; its route may change within one', () => {
    const play = inPhase.bound()
    for (const supervisor of [S, identity('s', 0), NEXT]) {
      expect(play.refused({ type: 'AuthorizeSupervisor', supervisor }).kind).toBe('guard-rejected')
    }
    play.do(EXAMPLES.RefreshSupervisorBindingRoute)
    expect(play.state.supervisor).toMatchObject({ supervisor: { address: 'elsewhere', epoch: 1 } })
    expect(play.refused({ ...EXAMPLES.RefreshSupervisorBindingRoute, ...sender('p') }).kind).toBe('guard-rejected')
    play.do(EXAMPLES.AuthorizeSupervisor)
    expect(play.state.supervisor).toMatchObject({ supervisor: { epoch: 2 }, publishPending: true })
    expect(play.refused(revoke).reason).toContain('isCurrentEdge')
  })

  test('is revoked in two steps, either of which may be repeated', () => {
    const play = inPhase.bound()
    const asks: readonly MeerkatEffect[] = [{ type: 'RevokeSupervisorTrustEdge', supervisor: S }]
    expect(play.do(revoke)).toEqual(asks)
    expect(play.do(revoke)).toEqual(asks)
    play.do(EXAMPLES.SupervisorTrustEdgeRevokeFailed)
    expect(play.refused(bind).kind).toBe('no-matching-transition')
    play.do(revoked)
    expect(play.state.supervisor).toMatchObject({ phase: 'unbound', revoked: S })
    play.do(bind)
    expect(play.state.supervisor).not.toHaveProperty('revoked')
  })

  test.each([
    [claim(), 'Accept'],
    [claim(2), 'StaleSupervisor'],
    [claim(1, 'p'), 'SenderMismatch'],
  ] as const)('commands only in its epoch and its own name: %j is %s', (who, verdict) => {
    expect(verdictOf(inPhase.bound(), { type: 'ResolveSupervisorBridgeCommandAdmission', ...who })).toBe(verdict)
    expect(verdictOf(inPhase.rotatingIn(), { type: 'ResolveSupervisorBridgeCommandAdmission', ...who })).toBe(
      'NotBound',
    )
  })

  test('cleans up while the session lives, and looks on or goes when it is destroyed', () => {
    const commands = ['Retire', 'Observe', 'Destroy', 'Revoke'] as const
    const verdicts = (play: Play, ...which: Parameters<typeof claim>): readonly SupervisorVerdict[] =>
      commands.map(command =>
        verdictOf(play, { type: 'ResolveSupervisorCleanupCommandAdmission', command, ...claim(...which) }),
      )
    expect(verdicts(inPhase.bound())).toEqual(['Accept', 'Accept', 'Accept', 'Accept'])
    expect(verdicts(inPhase.bound(), 2)).toEqual(commands.map(() => 'StaleSupervisor'))
    expect(verdicts(inPhase.bound(), 1, 'p')).toEqual(commands.map(() => 'SenderMismatch'))
    const gone = served(bind, { type: 'Destroy' })
    expect(verdicts(gone)).toEqual(['CommandNotAllowed', 'Accept', 'CommandNotAllowed', 'Accept'])
    expect(verdicts(inPhase.revoking())).toEqual(['NotBound', 'NotBound', 'NotBound', 'ResumePendingRevoke'])
    expect(verdicts(inPhase.revoking(), 1, 'p')).toEqual(commands.map(() => 'SenderMismatch'))
    expect(verdicts(inPhase.unbound())).toEqual(commands.map(() => 'NotBound'))
  })
})

function verdictOf(play: Play, input: MeerkatInput): SupervisorVerdict {
  const before = play.state
  const [said] = play.do(input)
  expect(play.state).toBe(before)
  if (said?.type !== 'SupervisorAdmissionResolved') throw new Error(`${input.type} said ${said?.type ?? 'nothing'}`)
  return said.verdict
}
