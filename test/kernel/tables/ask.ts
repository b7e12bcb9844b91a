/**
 * What comes of each input of a region in each situation, to be held against a table that has no holes.
 *
 * A situation is a phase, or a phase with what else is the matter, as in `running, being cancelled`. Sessions and mobs are
 * brought there by inputs that were accepted, and stay as they are.
 */
import { type MeerkatInput, type MeerkatState, step } from 'meerkat-ts/kernel'
import type { AuthInput } from '../../../src/kernel/auth/inputs.ts'
import type { AuthLeasePhase } from '../../../src/kernel/auth/lease/state.ts'
import { auth } from '../../../src/kernel/auth/machine.ts'
import type { AuthState } from '../../../src/kernel/auth/state.ts'
import type { MobInput } from '../../../src/kernel/mob/inputs.ts'
import type { MobPhase } from '../../../src/kernel/mob/lifecycle/state.ts'
import { mob } from '../../../src/kernel/mob/machine.ts'
import type { MobState } from '../../../src/kernel/mob/state.ts'
import type { Tagged } from '../../../src/kernel/region.ts'
import type { RejectionKind, StepResult } from '../../../src/kernel/step.ts'

/** Where it leads, that it is taken and the phase stays, or why not. */
export type Expected<Phase extends string> = Phase | 'stays' | RejectionKind
export type Table<Situation extends string, Type extends string, Phase extends string> = Record<
  Situation,
  Record<Type, Expected<Phase>>
>

/** One example of each input. */
type Examples<Input extends Tagged, Type extends Input['type']> = {
  readonly [T in Type]: Extract<Input, { readonly type: T }>
}

interface Asked<State, Phase extends string> {
  /** The phase that the table's cells speak of. */
  readonly phaseOf: (state: State) => Phase
  /** The phase that the table's rows are named after. Absent: the same. */
  readonly rowOf?: (state: State) => string
}

type Sessions<Situation extends string, State> = Readonly<Record<Situation, { readonly state: State }>>

function ask<State, Input extends Tagged>(take: (state: State, input: Input) => StepResult<State, unknown>) {
  return <Situation extends string, Type extends Input['type'], Phase extends string>(
    { phaseOf, rowOf = phaseOf }: Asked<State, Phase>,
    sessions: Sessions<Situation, State>,
    examples: Examples<Input, Type>,
  ): Table<Situation, Type, Phase> => {
    const rows = Object.entries<{ readonly state: State }>(sessions).map(([situation, { state }]) => {
      const named = rowOf(state)
      if (situation.split(',')[0] !== named) throw new Error(`the session for ${situation} is ${named}`)
      const from = phaseOf(state)
      const cells = Object.values<Input>(examples).map(input => {
        const result = take(state, input)
        const to = result.ok ? phaseOf(result.state) : result.kind
        return [input.type, to === from ? 'stays' : to]
      })
      return [situation, Object.fromEntries(cells) as unknown]
    })
    return Object.fromEntries(rows) as Table<Situation, Type, Phase>
  }
}

export const askSessions = ask<MeerkatState, MeerkatInput>(step)
export const askMobs = ask<MobState, MobInput>(mob.step)
export const askLeases = ask<AuthState, AuthInput>(auth.step)

export const mobPhase = { phaseOf: (state: MobState): MobPhase => state.lifecycle.phase }
export const leasePhase = { phaseOf: (state: AuthState): AuthLeasePhase => state.lease.phase }
