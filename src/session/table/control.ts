/** Rows for the lifecycle of a session. Each is idempotent: a second call completes what is left to do. */
import type { SessionId } from '../../kernel/ids.ts'
import { phaseShown } from '../../kernel/regions/lifecycle/state.ts'
import type { ControlOperation } from '../api.ts'
import { control } from '../control.ts'
import { form, session } from '../plain.ts'
import type { ControlReport } from '../views.ts'
import type { Owner } from './row.ts'

type Ordered = { readonly operation: ControlOperation }
/** Each takes a session id and answers the same report. */
type Control = Owner<'session/stop', Ordered, ControlReport, ControlReport>

const order = (operation: ControlOperation): Control => ({
  needs: 'owner',
  plain: form(session),
  letter: 'control',
  task: () => ({ operation }),
  run: (core, live, asked, letter) => control(core, live, asked.operation, letter),
  async again(core, sessionId) {
    const state = await core.state(sessionId)
    const id = state.registration.sessionId ?? (sessionId as SessionId)
    const none = { inputsAbandoned: 0, inputsPendingDrain: 0, inputsTransferred: 0 }
    return { sessionId: id, phase: phaseShown(state.lifecycle), ...none }
  },
  answer: (_, report) => report,
})

export const controlRows = {
  'session/stop': order('stop'),
  'session/resume': order('resume'),
  'session/retire': order('retire'),
  'session/reset': order('reset'),
  'session/recycle': order('recycle'),
  'session/destroy': order('destroy'),
}
