import type { MeerkatEffect } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { kinds } from './support/play.ts'
import {
  edge,
  identity,
  inPhase,
  NEXT,
  nextPublished,
  observe,
  previousRevoked,
  ROTATED,
  S,
  sender,
  served,
  submit,
} from './support/supervision.ts'

describe('a rotation', () => {
  const resolved = (status: string, more: object = {}) => ({
    type: 'SupervisorRotationResolved',
    operationId: 'o',
    status,
    again: false,
    ...more,
  })

  test('withdraws the old trust before it grants the new', () => {
    const play = inPhase.bound()
    expect(play.do(submit())).toEqual([
      resolved('PreviousRevokePending'),
      { type: 'RevokeSupervisorTrustEdge', supervisor: S },
    ])
    expect(play.refused({ ...previousRevoked, ...edge(NEXT) }).kind).toBe('guard-rejected')
    expect(play.refused({ ...previousRevoked, operationId: 'another' }).kind).toBe('guard-rejected')
    expect(play.do(previousRevoked)).toEqual([{ type: 'PublishSupervisorTrustEdge', supervisor: NEXT }])
    expect(play.refused({ ...nextPublished, ...edge(S) }).kind).toBe('guard-rejected')
    expect(play.do(nextPublished)).toEqual([resolved('Completed')])
    expect(play.state.supervisor).toMatchObject({ phase: 'bound', supervisor: NEXT, publishPending: false })
  })

  test('says what is missing when it is resumed', () => {
    const resume = { type: 'ResumeSupervisorRotation', operationId: 'o' } as const
    expect(kinds(inPhase.rotatingOut().do(resume))).toEqual(['RevokeSupervisorTrustEdge'])
    expect(kinds(inPhase.rotatingIn().do(resume))).toEqual(['PublishSupervisorTrustEdge'])
    expect(served(...ROTATED).do(resume)).toEqual([resolved('Completed', { again: true })])
  })

  test.each([
    ['to a target that was found wrong', submit({ preflight: 'InvalidTarget' }), 'InvalidTarget'],
    ['to an epoch that is not newer', submit({ next: identity('u', 1) }), 'TargetEpochNotAdvanced'],
  ] as const)('%s is rejected, and stays so', (_, asked, rejection) => {
    const play = inPhase.bound()
    expect(play.do(asked)).toEqual([resolved('Rejected', { rejection })])
    expect(play.do(asked)).toEqual([resolved('Rejected', { rejection, again: true })])
    expect(play.state.supervisor).toMatchObject({ phase: 'bound', supervisor: S })
  })

  test('to who supervises already is complete at once', () => {
    const play = inPhase.bound()
    expect(play.do(submit({ next: S }))).toEqual([resolved('Completed')])
    expect(play.state.supervisor).toMatchObject({ phase: 'bound', supervisor: S })
  })

  test('asked for again gets the same answer, whatever came after', () => {
    const play = inPhase.rotatingOut()
    expect(play.do(submit())).toEqual([resolved('PreviousRevokePending', { again: true })])
    play.do(previousRevoked, nextPublished)
    const same = [resolved('Completed', { again: true })]
    expect(play.do(submit())).toEqual(same)
    play.do(submit({ operationId: 'later', next: identity('v', 3), ...sender('u') }))
    expect(play.do(submit())).toEqual(same)
    const left = served(...ROTATED, { type: 'RevokeSupervisor', ...edge(NEXT) })
    expect(left.do(submit())).toEqual(same)
    left.do({ type: 'SupervisorTrustEdgeRevoked', ...edge(NEXT) })
    expect(left.do(submit())).toEqual(same)
    left.do({ type: 'Destroy' })
    expect(left.do(submit())).toEqual(same)
  })

  test('of another kind under its name, or beside it, is a conflict; to strangers it says nothing of either', () => {
    const conflict = [resolved('Rejected', { rejection: 'OperationConflict' })]
    const stranger = [resolved('Rejected', { rejection: 'SenderMismatch' })]
    const play = inPhase.rotatingOut()
    expect(play.do(submit({ next: identity('v', 9) }))).toEqual(conflict)
    const beside = play.do(submit({ operationId: 'p' }))
    expect(beside).toMatchObject([{ operationId: 'p', rejection: 'OperationConflict' }])
    expect(play.do(submit({ operationId: 'p', ...sender('x') }))).toMatchObject([{ rejection: 'SenderMismatch' }])
    expect(inPhase.bound().do(submit(sender('x')))).toEqual(stranger)
    expect(served(...ROTATED).do(submit({ next: identity('v', 9), ...sender('u') }))).toEqual(conflict)
    expect(inPhase.unbound().do(submit())).toEqual([resolved('Rejected', { rejection: 'NotBound' })])
  })

  test('is seen by those who took part and by who supervises now', () => {
    const play = served(...ROTATED)
    play.do({ type: 'AuthorizeSupervisor', supervisor: { ...NEXT, epoch: 3 } })
    const seen = (from: string): readonly MeerkatEffect[] => play.do(observe(from))
    for (const one of ['s', 'u']) expect(seen(one)).toEqual([resolved('Completed', { again: true })])
    expect(seen('x')).toEqual([resolved('NotFound', { again: true })])
    play.do(
      submit({ operationId: 'later', next: identity('v', 4), ...sender('u') }),
      { ...previousRevoked, operationId: 'later', ...edge({ ...NEXT, epoch: 3 }) },
      { ...nextPublished, operationId: 'later', ...edge(identity('v', 4)) },
    )
    expect(seen('v')).toEqual([resolved('Completed', { again: true })])
    expect(play.do(observe('v', 'unknown'))).toMatchObject([{ status: 'NotFound' }])
  })

  test('leaves a receipt; only the newest are kept', () => {
    const play = inPhase.bound()
    for (let n = 0; n < 17; n++) play.do(submit({ operationId: `o${n}`, preflight: 'InvalidTarget' }))
    expect(play.state.supervisor.receiptOrder).toHaveLength(16)
    expect(play.do(observe('s', 'o0'))).toMatchObject([{ status: 'NotFound' }])
    expect(play.do(observe('s', 'o1'))).toMatchObject([{ status: 'Rejected', rejection: 'InvalidTarget' }])
  })
})
