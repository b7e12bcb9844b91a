import type { MeerkatInput } from '../inputs.ts'
import type { MeerkatState } from '../state.ts'

export interface Configuration {
  readonly name: string
  /** What is explored, why it is bounded so, and why that is enough. */
  readonly about: string
  /** The inputs before the walk. */
  readonly prefix: readonly MeerkatInput[]
  readonly inputs: (state: MeerkatState) => readonly MeerkatInput[]
}

/** The same inputs in every state. */
export const always = (inputs: readonly MeerkatInput[]) => (): readonly MeerkatInput[] => inputs
