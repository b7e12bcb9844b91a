/**
 * `AuthMachine` decides about one credential; any process of the store may run it. One instance stands for one binding.
 *
 * It holds no secret: no token, no verifier, no device code. Times are milliseconds since the epoch.
 */
import { type Machine, machine } from '../step.ts'
import type { AuthEffect } from './effects.ts'
import { flows } from './flows/table.ts'
import type { AuthInput } from './inputs.ts'
import { lease } from './lease/table.ts'
import { polls } from './polls/table.ts'
import type { AuthState } from './state.ts'

export type AuthMachine = Machine<AuthState, AuthInput, AuthEffect>

export const auth: AuthMachine = machine({
  name: 'auth',
  spine: (state: AuthState) => state.lease.phase,
  regions: [lease, flows, polls],
  invariants: [
    {
      id: 'released-owes-nothing',
      text: 'a released lease has no login under way',
      holds: s => s.lease.phase !== 'released' || s.flows.entries.size === 0,
    },
  ],
})
