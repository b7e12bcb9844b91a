import { DslTransitionError, MachineAuthority, type MeerkatInput, meerkat } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { inputId, SESSION } from './support/play.ts'

const register: MeerkatInput = { type: 'RegisterSession', sessionId: SESSION }
const accept = (id: string): MeerkatInput => ({ type: 'AcceptInput', inputId: inputId(id), at: 1 })

function authority(): MachineAuthority<(typeof meerkat)['initial'], MeerkatInput, never> {
  const made = new MachineAuthority(meerkat)
  made.applyOrThrow({ type: 'Initialize' })
  return made as never
}

function error(act: () => unknown): DslTransitionError {
  try {
    act()
  } catch (thrown) {
    if (thrown instanceof DslTransitionError) return thrown
    throw thrown
  }
  throw new Error('nothing was thrown')
}

describe('an authority', () => {
  test('moves its state on by what it accepts', () => {
    const one = authority()
    expect(one.apply(register)).toMatchObject({ ok: true, state: one.state })
    expect(one.state.registration.sessionId).toBe(SESSION)
  })

  test('stays where it is when it refuses, and says why by kind', () => {
    const one = authority()
    const before = one.state
    expect(one.apply(accept('a'))).toMatchObject({ ok: false, kind: 'guard-rejected' })
    expect(error(() => one.applyOrThrow(accept('a')))).toMatchObject({ kind: 'guard-rejected', isGuardRejected: true })
    expect(error(() => one.applyOrThrow({ type: 'Initialize' }))).toMatchObject({
      kind: 'no-matching-transition',
      isGuardRejected: false,
      context: 'meerkat/lifecycle/Initialize',
    })
    expect(one.state).toBe(before)
  })

  test('previews without doing', () => {
    const one = authority()
    const before = one.state
    expect(one.preview(register)).toMatchObject({ ok: true, effects: [{ type: 'SessionRegistered' }] })
    expect(one.state).toBe(before)
  })

  test('recovers only a sound state', () => {
    const sound = authority().state
    expect(MachineAuthority.recovered(meerkat, sound).state).toBe(sound)
    const broken = { ...sound, lifecycle: { phase: 'running', preRun: 'idle', stopDeferred: false } } as const
    expect(error(() => MachineAuthority.recovered(meerkat, broken)).kind).toBe('recovered-state-invariant')
  })
})

describe('a stage', () => {
  test('shows what several inputs would do, each seeing the ones before it', () => {
    const one = authority()
    const before = one.state
    const staged = one.stageOrThrow([register, accept('a')])
    expect(staged.effects.map(effect => (effect as { type: string }).type)).toEqual([
      'SessionRegistered',
      'InputAccepted',
      'PostAdmissionSignal',
    ])
    expect(one.state).toBe(before)
    expect(staged.commit()).toEqual({ ok: true })
    expect(one.state).toBe(staged.state)
  })

  test('is refused as a whole', () => {
    const one = authority()
    const before = one.state
    expect(one.stage([register, { type: 'Initialize' }])).toMatchObject({ ok: false, kind: 'no-matching-transition' })
    expect(error(() => one.stageOrThrow([accept('a')])).kind).toBe('guard-rejected')
    expect(one.state).toBe(before)
  })

  test('is not committed over a state that moved meanwhile', () => {
    const one = authority()
    const staged = one.stageOrThrow([register])
    one.applyOrThrow({ type: 'RegisterSession', sessionId: 'other' as typeof SESSION })
    const moved = one.state
    expect(staged.commit()).toMatchObject({ ok: false, kind: 'base-changed' })
    expect(one.state).toBe(moved)
  })

  test('is taken back while nothing happened after it', () => {
    const one = authority()
    const before = one.state
    const staged = one.stageOrThrow([register])
    expect(staged.restore()).toBe(true)
    staged.commit()
    expect(staged.restore()).toBe(true)
    expect(one.state).toBe(before)

    staged.commit()
    one.applyOrThrow(accept('a'))
    const after = one.state
    expect(staged.restore()).toBe(false)
    expect(one.state).toBe(after)
  })

  test('puts a state back in place of exactly the expected one', () => {
    const one = authority()
    const before = one.state
    one.applyOrThrow(register)
    expect(one.restoreIfCurrent(before, before)).toBe(false)
    expect(one.restoreIfCurrent(one.state, before)).toBe(true)
    expect(one.state).toBe(before)
  })
})

describe('the teardown gate', () => {
  test('closes for good: changes are refused as no-matching-transition, the state stays, reads go on', () => {
    const one = authority()
    const before = one.state
    const staged = one.stageOrThrow([register])
    one.close()
    one.close()
    expect(one.closed).toBe(true)
    const refusal = { ok: false, kind: 'no-matching-transition', reason: 'the authority is closed by teardown' }
    expect(one.apply(register)).toMatchObject(refusal)
    expect(one.preview(register)).toMatchObject(refusal)
    expect(one.stage([register])).toMatchObject(refusal)
    expect(staged.commit()).toMatchObject(refusal)
    expect(one.restoreIfCurrent(before, staged.state)).toBe(false)
    expect(error(() => one.applyOrThrow(register)).reason).toBe(refusal.reason)
    expect(one.state).toBe(before)
  })
})
