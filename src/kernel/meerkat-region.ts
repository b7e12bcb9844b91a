/** What the regions of a session are declared as. */

import type { MeerkatEffect } from './effects.ts'
import type { MeerkatInput } from './inputs.ts'
import type { Condition, Region } from './region.ts'
import type { MeerkatConditions, MeerkatFacts, MeerkatState } from './state.ts'

/** A region of facts. It sees facts only, so that its log can be replayed without the process that wrote it. */
export type MeerkatRegion<Name extends keyof MeerkatFacts, Phase extends string = string> = Region<
  MeerkatFacts,
  MeerkatInput,
  MeerkatEffect,
  Name,
  Phase
>

/** A region of conditions. It sees facts, too. */
export type MeerkatCondition<Name extends keyof MeerkatConditions, Phase extends string = string> = Region<
  MeerkatState,
  MeerkatInput,
  MeerkatEffect,
  Name,
  Phase
> & { readonly condition: Condition<MeerkatConditions[Name]> }
