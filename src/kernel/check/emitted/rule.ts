/** The type of the rules for effects: functions of the step alone, apart from the rows that emit the effects. */
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

/** The fields that an effect must have; a rule may leave fields out. */
export type Expected<Type extends EffectType> = Partial<Omit<Of<MeerkatEffect, Type>, 'type'>>

export interface Rule<Type extends EffectType> {
  /** Completes "emitted ...". */
  readonly when: string
  /** The effects that this step has to emit, in order. */
  readonly expected: (step: Stepped) => readonly Expected<Type>[]
}

/** One rule for each of these effects. */
export type Rules<Type extends EffectType> = { readonly [T in Type]: Rule<T> }

/** One emission if the condition holds, else none. */
export function once<Emission>(holds: boolean, emission: () => Emission): readonly Emission[] {
  return holds ? [emission()] : []
}

/** The step's input, if it has this type. */
export function given<Type extends MeerkatInput['type']>(
  { input }: Stepped,
  type: Type,
): Of<MeerkatInput, Type> | undefined {
  return input.type === type ? (input as Of<MeerkatInput, Type>) : undefined
}
