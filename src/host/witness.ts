/** Objects that only a machine can make: holding one proves that its holder got it from a machine. */
import { Mint } from '../handles/minted.ts'

/** Proof that bindings come from a machine, and from which one. */
export interface RuntimeAuthorityWitness {
  readonly of: 'meerkat-machine'
}

const witnesses = new Mint<RuntimeAuthorityWitness>()

export function mintWitness(): RuntimeAuthorityWitness {
  return witnesses.mint({ of: 'meerkat-machine' })
}

/** Whether a machine of this process made it. */
export function isGenuine(witness: RuntimeAuthorityWitness): boolean {
  return witnesses.isGenuine(witness)
}
