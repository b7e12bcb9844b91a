/**
 * `AuthMachine`: what is decided about one credential, by whichever process serves it. One instance stands for one
 * binding.
 *
 * It holds no secret: no token, no verifier, no device code. Times are milliseconds since the epoch.
 */
import type { Condition, Region } from '../region.ts'
import { type Machine, machine } from '../step.ts'
import { type Flows, type FlowsEffect, type FlowsInput, flows } from './flows.ts'
import { type Lease, type LeaseEffect, type LeaseInput, lease } from './lease.ts'
import { type Polls, type PollsInput, polls } from './polls.ts'

/** What is true of the credential whoever serves it. */
export interface AuthFacts {
  readonly lease: Lease
  readonly flows: Flows
}

/** What is true while this process serves it. */
export interface AuthConditions {
  readonly polls: Polls
}

export interface AuthState extends AuthFacts, AuthConditions {}

export type AuthInput = LeaseInput | FlowsInput | PollsInput

export type AuthEffect = LeaseEffect | FlowsEffect

/** A region of facts. */
export type AuthRegion<Name extends keyof AuthFacts, Phase extends string> = Region<
  AuthFacts,
  AuthInput,
  AuthEffect,
  Name,
  Phase
>

/** A region of conditions. It sees facts, too. */
export type AuthCondition<Name extends keyof AuthConditions, Phase extends string> = Region<
  AuthState,
  AuthInput,
  AuthEffect,
  Name,
  Phase
> & { readonly condition: Condition<AuthConditions[Name]> }

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
