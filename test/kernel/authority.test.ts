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
    one.close()
    one.close()
    expect(one.closed).toBe(true)
    const refusal = { ok: false, kind: 'no-matching-transition', reason: 'the authority is closed by teardown' }
    expect(one.apply(register)).toMatchObject(refusal)
    expect(one.restoreIfCurrent(before, before)).toBe(false)
    expect(error(() => one.applyOrThrow(register)).reason).toBe(refusal.reason)
    expect(one.state).toBe(before)
  })
})
