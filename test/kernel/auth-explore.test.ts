import { describe, expect, test } from 'vitest'
import type { AuthEffect } from '../../src/kernel/auth/effects.ts'
import type { AuthInput } from '../../src/kernel/auth/inputs.ts'
import { type AuthMachine, auth } from '../../src/kernel/auth/machine.ts'
import type { AuthState } from '../../src/kernel/auth/state.ts'
import { checkAuth } from '../../src/kernel/check/auth.ts'
import { emptyMap } from '../../src/kernel/persistent-map.ts'
import type { Row } from '../../src/kernel/region.ts'
import { machine } from '../../src/kernel/step.ts'

type LooseRow = Row<AuthState, unknown, AuthInput, AuthEffect, string>

/** The machine with one row changed, or left out. */
function withRow(edge: string, change: (row: LooseRow) => LooseRow | undefined): AuthMachine {
  const [regionName, input = '', rowName] = edge.split('/')
  const regions = auth.regions.map(region => {
    if (region.name !== regionName) return region
    const on = region.on as Readonly<Record<string, readonly LooseRow[]>>
    const rows = on[input] ?? []
    if (!rows.some(row => row.name === rowName)) throw new Error(`there is no row ${edge}`)
    const changed = rows.flatMap(row => (row.name === rowName ? (change(row) ?? []) : row))
    return { ...region, on: { ...on, [input]: changed } }
  })
  const own = auth.regions.flatMap(region => region.invariants)
  return machine<AuthState, AuthInput, AuthEffect>({
    name: 'mutant',
    spine: state => state.lease.phase,
    regions,
    invariants: auth.invariants.filter(one => !own.includes(one)),
  })
}
const withoutGuard = (edge: string, guard: string): AuthMachine =>
  withRow(edge, row => {
    if (!(row.when ?? []).some(one => one.name === guard)) throw new Error(`${edge} has no guard ${guard}`)
    return { ...row, when: (row.when ?? []).filter(one => one.name !== guard) }
  })

const mutants: readonly (readonly [fault: string, machine: () => AuthMachine, caughtBy: string])[] = [
  [
    'a refresh that begins while one is under way',
    () => withRow('lease/BeginRefresh/begun', row => ({ ...row, from: [...row.from, 'refreshing'] })),
    'one-refresh-at-a-time',
  ],
  [
    'a refresh that keeps the generation',
    () =>
      withRow('lease/CompleteRefresh/refreshed', row => ({
        ...row,
        then: (slice, input, state) => ({
          ...(row.then?.(slice, input, state) as object),
          generation: state.lease.generation,
        }),
      })),
    'generations-count-credentials',
  ],
  [
    'a refresh that can only fail',
    () => withRow('lease/CompleteRefresh/refreshed', () => undefined),
    'credentials-are-refreshed-without-a-login',
  ],
  [
    'a release that does not wait for logins',
    () => withoutGuard('lease/Release/released', 'hasNoFlows'),
    'released-owes-nothing',
  ],
  ['a release that is never done', () => withRow('lease/Release/released', () => undefined), 'releases-finish'],
  [
    'a login that begins in a release',
    () => withoutGuard('flows/AdmitOAuthBrowserFlow/admitted', 'notReleaseDraining'),
    'no-login-begins-in-a-release',
  ],
  [
    'a flow for any redirect',
    () => withoutGuard('flows/ConsumeOAuthBrowserFlow/consumed', 'redirectUriMatches'),
    'flows-are-consumed-as-started',
  ],
  [
    'a flow that is never late',
    () => withoutGuard('flows/ConsumeOAuthDeviceFlow/consumed', 'isInTime'),
    'flows-are-consumed-as-started',
  ],
  [
    'a flow that can be used again',
    () => withRow('flows/ConsumeOAuthBrowserFlow/consumed', row => ({ ...row, then: slice => slice })),
    'flows-are-consumed-as-started',
  ],
  [
    'one flow that ends all',
    () => withRow('flows/ExpireOAuthDeviceFlow/expired', row => ({ ...row, then: () => ({ entries: emptyMap() }) })),
    'flows-go-by-name',
  ],
  [
    'a flow that nobody can call off',
    () => withRow('flows/ExpireOAuthBrowserFlow/expired', () => undefined),
    'logins-can-be-called-off',
  ],
  [
    'a poll of a flow that is none',
    () => withoutGuard('polls/BeginOAuthDevicePoll/begun', 'isDeviceFlow'),
    'polls-are-of-flows',
  ],
]

describe('the machine of credentials, explored', () => {
  test.each([{ quick: true }, { quick: false }])('breaks no rule and traps nothing: %j', options => {
    const heard: string[] = []
    const report = checkAuth({ ...options, onConfiguration: one => heard.push(one.name) })
    expect(report.violations).toEqual([])
    expect(report.liveness.failures).toEqual([])
    expect(report.uncoveredEdges).toEqual([])
    expect(heard).toEqual(['auth-lease', 'auth-logins'])
    expect(report.states).toBeGreaterThan(options.quick ? 100 : 1_000)
    expect(report.liveness.checked).toBeGreaterThan(report.states)
  })

  test.each(mutants)('finds %s', (_, mutant, caughtBy) => {
    const { violations, liveness } = checkAuth({ quick: true, machine: mutant() })
    const found = [...violations.map(one => one.invariant), ...liveness.failures.map(one => one.property)]
    expect(found).toContain(caughtBy)
  })
})
