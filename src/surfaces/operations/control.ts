/** The lifecycle of a session. Each is idempotent: asked again, it completes what is left to do. */
import { z } from 'zod'
import type { ControlOperation } from '../../session/api.ts'
import { type Operation, operation } from '../operation.ts'
import { sessionId } from './fields.ts'

const params = z.strictObject({ sessionId })

const report = z.object({
  sessionId: z.string(),
  phase: z.string().describe('The phase the session is in now.'),
  inputsAbandoned: z.int().describe('Inputs that ended without a run.'),
  inputsPendingDrain: z.int().describe('Inputs that will still run: of a stopped session once it is resumed.'),
  inputsTransferred: z.int().describe('Inputs that the renewed session took over.'),
})

function control(name: ControlOperation, doc: string): Operation<typeof params, typeof report> {
  return operation({
    doc,
    input: params,
    output: report,
    handle: (runtime, { sessionId }) => runtime.control(sessionId, name),
  })
}

export const controlOperations = {
  'session/stop': control('stop', 'Stops a session: its run ends, queued inputs wait until it is resumed.'),
  'session/resume': control('resume', 'Revives a stopped session.'),
  'session/retire': control('retire', 'Closes a session to new inputs and lets it finish those it has.'),
  'session/reset': control('reset', 'Gives up all unfinished work and makes the session ready again.'),
  'session/recycle': control('recycle', "Renews a session's executor and keeps its queued inputs."),
  'session/destroy': control('destroy', 'Ends a session for good; its transcript stays readable.'),
}
