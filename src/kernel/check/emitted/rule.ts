/** How it is said when an effect is emitted: as a function of the step alone, apart from the rows that emit it. */
import type { MeerkatEffect } from '../../effects.ts'
import type { MeerkatInput } from '../../inputs.ts'
import type { Of } from '../../region.ts'
import type { MeerkatState } from '../../state.ts'

/** What a rule looks at. */
export interface Stepped {
  readonly before: MeerkatState
  readonly input: MeerkatInput
  readonly after: MeerkatState
}

type EffectType = MeerkatEffect['type']

/** What an effect has to say, without what the rule does not speak of. */
export type Expected<Type extends EffectType> = Partial<Omit<Of<MeerkatEffect, Type>, 'type'>>

export interface Rule<Type extends EffectType> {
  /** Completes "emitted ...". */
  readonly when: string
  /** Each emission that this step owes, in order. */
  readonly expected: (step: Stepped) => readonly Expected<Type>[]
}

/** A rule for each of these effects. */
export type Rules<Type extends EffectType> = { readonly [T in Type]: Rule<T> }

/** Once, where it is so. */
export function once<Emission>(holds: boolean, emission: () => Emission): readonly Emission[] {
  return holds ? [emission()] : []
}

/** The step's input, if it is this one. */
export function given<Type extends MeerkatInput['type']>(
  { input }: Stepped,
  type: Type,
): Of<MeerkatInput, Type> | undefined {
  return input.type === type ? (input as Of<MeerkatInput, Type>) : undefined
}
