import type { LeaseKey } from 'meerkat-ts/runtime'
import { expect, test } from 'vitest'
import type { SessionId } from '../../src/kernel/ids.ts'
import { ephemeral, S } from './support/machines.ts'

const KEY: LeaseKey = { realm: 'work', binding: 'openai' }

test('sessions of a machine that want a new token at once share one refresh', async () => {
  const machine = await ephemeral()
  const one = await machine.prepareBindings(S)
  const other = await machine.prepareBindings('other' as SessionId)
  one.authLease.acquireLease(KEY, Date.now() + 3_600_000)
  other.authLease.markExpiring(KEY)
  const granted = Promise.withResolvers<{ readonly ok: true; readonly token: string }>()
  let performed = 0
  const perform = () => {
    performed++
    return granted.promise
  }
  const waiting = [
    machine.auth.authRefreshes().refresh(KEY, perform),
    machine.auth.authRefreshes().refresh(KEY, perform),
  ]
  expect(one.authLease.snapshot(KEY)).toMatchObject({ phase: 'refreshing' })
  granted.resolve({ ok: true, token: 't' })
  expect(await Promise.all(waiting)).toEqual(['t', 't'])
  expect(performed).toBe(1)
  expect(other.authLease.snapshot(KEY)).toMatchObject({ phase: 'valid' })
})

test('a machine that was given the credentials of another refreshes those', async () => {
  const [machine, owner] = [await ephemeral(), await ephemeral()]
  owner.auth.authLeaseHandle().acquireLease(KEY, Date.now() + 3_600_000)
  owner.auth.authLeaseHandle().markExpiring(KEY)
  machine.auth.setAuthLeaseHandle(owner.auth.authLeaseHandle())
  const perform = () => Promise.resolve({ ok: true, token: 't' } as const)
  expect(await machine.auth.authRefreshes().refresh(KEY, perform)).toBe('t')
  expect(owner.auth.authLeaseHandle().snapshot(KEY)).toMatchObject({ phase: 'valid' })
})

test('naming the handle that is in use again leaves the refreshes under way shared', async () => {
  const machine = await ephemeral()
  const leases = machine.auth.authLeaseHandle()
  leases.acquireLease(KEY)
  const granted = Promise.withResolvers<{ readonly ok: true; readonly token: string }>()
  const perform = () => granted.promise
  const before = machine.auth.authRefreshes().refresh(KEY, perform)
  machine.auth.setAuthLeaseHandle(leases)
  const after = machine.auth.authRefreshes().refresh(KEY, perform)
  granted.resolve({ ok: true, token: 't' })
  expect(await Promise.all([before, after])).toEqual(['t', 't'])
})
