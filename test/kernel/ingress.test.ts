import type { CommsRuntimeId, MeerkatInput, MobId, SessionId } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import type { IngressInput } from '../../src/kernel/regions/ingress/input.ts'
import { attached, type Play } from './support/play.ts'
import { lifecycleOf, livesAfter, type TruthTable, tornDown, truths } from './support/truth-table.ts'

const own = (runtime: string) => ({ type: 'AttachSessionIngress', commsRuntimeId: runtime as CommsRuntimeId }) as const
const byMob = (runtime: string, mob = 'm') =>
  ({ type: 'AttachMobIngress', commsRuntimeId: runtime as CommsRuntimeId, mobId: mob as MobId }) as const

function served(...inputs: readonly MeerkatInput[]): Play {
  const play = attached()
  play.do(...inputs)
  return play
}

const EXAMPLES = {
  AttachSessionIngress: own('c'),
  AttachMobIngress: byMob('c'),
  DetachIngress: { type: 'DetachIngress' },
} as const

describe('who takes in what peers send', () => {
  test('changes as the table says: a mob takes over from the session, never the other way round', () => {
    type Phase = 'unattached' | 'sessionOwned' | 'mobOwned'
    const expected: TruthTable<Phase, IngressInput['type']> = {
      unattached: { AttachSessionIngress: 'sessionOwned', AttachMobIngress: 'mobOwned', DetachIngress: 'stays' },
      sessionOwned: {
        AttachSessionIngress: 'guard-rejected',
        AttachMobIngress: 'mobOwned',
        DetachIngress: 'unattached',
      },
      mobOwned: {
        AttachSessionIngress: 'no-matching-transition',
        AttachMobIngress: 'guard-rejected',
        DetachIngress: 'unattached',
      },
    }
    const others = { unattached: served(), sessionOwned: served(own('d')), mobOwned: served(byMob('c', 'n')) }
    expect(truths<Phase, IngressInput['type']>(({ ingress }) => ingress.phase, others, EXAMPLES)).toEqual(expected)
  })

  test('changes while the session lives; afterwards it can only be given up', () => {
    const lives = { AttachSessionIngress: 'stays', AttachMobIngress: 'stays', DetachIngress: 'stays' } as const
    const refused = {
      AttachSessionIngress: 'no-matching-transition',
      AttachMobIngress: 'no-matching-transition',
      DetachIngress: 'no-matching-transition',
    } as const
    expect(truths(lifecycleOf, livesAfter(), EXAMPLES)).toEqual({
      initializing: refused,
      idle: lives,
      attached: lives,
      running: lives,
      retired: lives,
      stopped: lives,
      destroyed: { ...refused, DetachIngress: 'stays' },
    } satisfies TruthTable<string, IngressInput['type']>)
  })

  test('may say so again', () => {
    const play = served(own('c'), own('c'))
    expect(play.state.ingress).toEqual({ phase: 'sessionOwned', commsRuntimeId: 'c' })
    play.do(byMob('d'), byMob('d'))
    expect(play.state.ingress).toEqual({ phase: 'mobOwned', commsRuntimeId: 'd', mobId: 'm' })
    for (const other of [byMob('e'), byMob('d', 'n')]) expect(play.refused(other).kind).toBe('guard-rejected')
    play.do({ type: 'DetachIngress' }, { type: 'DetachIngress' }, own('c'))
    expect(play.state.ingress.phase).toBe('sessionOwned')
  })

  test('a session’s own runtime ends with its process, a mob’s claim does not', () => {
    const session = served(own('c'))
    session.do({ type: 'Recover' })
    expect(session.state.ingress).toEqual({ phase: 'unattached' })
    const mob = served(byMob('c'))
    mob.do({ type: 'Recover' }, { type: 'Destroy' })
    expect(mob.state.ingress.phase).toBe('mobOwned')
    mob.do({ type: 'DetachIngress' })
    expect(mob.state.ingress.phase).toBe('unattached')
  })

  test('both end with the session’s identity', () => {
    expect(tornDown(byMob('c')).state.ingress).toEqual({ phase: 'unattached' })
    const renamed = served(byMob('c'), { type: 'Recover' })
    renamed.do({ type: 'RegisterSession', sessionId: 'other' as SessionId })
    expect(renamed.state.ingress).toEqual({ phase: 'unattached' })
  })

  test('nobody takes in anything for a session without a registration', () => {
    for (const attach of [own('c'), byMob('c')]) expect(tornDown().refused(attach).reason).toContain('isRegistered')
  })
})
