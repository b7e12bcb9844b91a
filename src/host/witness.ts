/** What only a machine can make: whoever holds one got it from there, and nobody can build another. */
import { Mint } from '../handles/minted.ts'

/** Proof that bindings come from a machine, and from which one. */
export interface RuntimeAuthorityWitness {
  readonly of: 'meerkat-machine'
}

const witnesses = new Mint<RuntimeAuthorityWitness>()

export function mintWitness(): RuntimeAuthorityWitness {
  return witnesses.mint({ of: 'meerkat-machine' })
}

/** Whether this came from a machine of this process. */
export function isGenuine(witness: RuntimeAuthorityWitness): boolean {
  return witnesses.isGenuine(witness)
}
