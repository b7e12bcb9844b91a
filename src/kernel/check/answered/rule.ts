/** The type of the rules that say when an input may not be refused. */
import type { MeerkatInput } from '../../inputs.ts'
import type { Of } from '../../region.ts'
import type { MeerkatState } from '../../state.ts'

/** Whether an input of this type has to be accepted in this state. */
type MustTake<Type extends MeerkatInput['type']> = (state: MeerkatState, input: Of<MeerkatInput, Type>) => boolean

/** Rules for some types of inputs. */
export type Answers = { readonly [Type in MeerkatInput['type']]?: MustTake<Type> }
