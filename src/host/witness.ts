/** What only a machine can make: whoever holds one got it from there, and nobody can build another. */
import { Mint } from '../handles/minted.ts'

/** Proof that bindings come from a machine, and from which one. */
export interface RuntimeAuthorityWitness {
  readonly of: 'meerkat-machine'
}

/** A capability to change a session's control state in the store without its executor. */
export interface MachineSessionControlAuthority {
  readonly of: 'session-control'
}

const witnesses = new Mint<RuntimeAuthorityWitness>()
const controls = new Mint<MachineSessionControlAuthority>()

export function mintWitness(): RuntimeAuthorityWitness {
  return witnesses.mint({ of: 'meerkat-machine' })
}

export function mintSessionControlAuthority(): MachineSessionControlAuthority {
  return controls.mint({ of: 'session-control' })
}

/** Whether this came from a machine of this process. */
export function isGenuine(witness: RuntimeAuthorityWitness): boolean {
  return witnesses.isGenuine(witness)
}
