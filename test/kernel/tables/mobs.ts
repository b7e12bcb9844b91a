import type { MobInput } from '../../../src/kernel/mob/inputs.ts'
import type { MobPhase } from '../../../src/kernel/mob/lifecycle/state.ts'
import { type MobPlay, withMember } from '../support/mob-play.ts'

/** A mob with a coordinator and the ready member `a`, after these. */
export function workingAfter(...prepared: readonly MobInput[]): MobPlay {
  const play = withMember()
  play.do(...prepared)
  return play
}

/** The same in each phase, each after these while it worked. */
export function mobsAfter(...prepared: readonly MobInput[]): Record<MobPhase, MobPlay> {
  return {
    running: workingAfter(...prepared),
    stopped: workingAfter(...prepared, { type: 'Stop' }),
    completed: workingAfter(...prepared, { type: 'Complete' }),
    destroyed: workingAfter(...prepared, { type: 'Destroy' }),
  }
}
