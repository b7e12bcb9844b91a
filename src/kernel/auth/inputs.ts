/** Every input that a credential's machine decides on. */

import type { FlowsInput } from './flows/input.ts'
import type { LeaseInput } from './lease/input.ts'
import type { PollsInput } from './polls/input.ts'

export type AuthInput = LeaseInput | FlowsInput | PollsInput
