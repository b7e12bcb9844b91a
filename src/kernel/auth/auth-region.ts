/** The types in which the regions of `AuthMachine` are declared. */

import type { Condition, Region } from '../region.ts'
import type { AuthEffect } from './effects.ts'
import type { AuthInput } from './inputs.ts'
import type { AuthConditions, AuthFacts, AuthState } from './state.ts'

/** A region of facts. */
export type AuthRegion<Name extends keyof AuthFacts, Phase extends string> = Region<
  AuthFacts,
  AuthInput,
  AuthEffect,
  Name,
  Phase
>

/** A region of conditions. It sees facts as well. */
export type AuthCondition<Name extends keyof AuthConditions, Phase extends string> = Region<
  AuthState,
  AuthInput,
  AuthEffect,
  Name,
  Phase
> & { readonly condition: Condition<AuthConditions[Name]> }
