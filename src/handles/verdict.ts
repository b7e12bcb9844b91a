/** Finds, among the effects of a step, the one that answers what was asked. */
import type { MeerkatEffect } from '../kernel/effects.ts'

/** The one effect of this type; a step without it is a fault of the machine. */
export function verdict<Type extends MeerkatEffect['type']>(
  effects: readonly MeerkatEffect[],
  type: Type,
): Extract<MeerkatEffect, { readonly type: Type }> {
  const found = effects.find((one): one is Extract<MeerkatEffect, { readonly type: Type }> => one.type === type)
  if (found === undefined) throw new Error(`the machine gave no ${type}`)
  return found
}
