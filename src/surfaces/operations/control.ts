/** Schemas for the lifecycle of a session. Each operation is idempotent: a second call completes what is left to do. */
import { z } from 'zod'
import { sessionId } from './fields.ts'

const input = z.strictObject({ sessionId })

const output = z.object({
  sessionId: z.string(),
  phase: z.string().describe('The phase the session is in now.'),
  inputsAbandoned: z.int().describe('Inputs that ended without a run.'),
  inputsPendingDrain: z.int().describe('Inputs that will still run: of a stopped session once it is resumed.'),
  inputsTransferred: z.int().describe('Inputs that the renewed session took over.'),
})

export const controlOperations = {
  'session/stop': { doc: 'Stops a session: its run ends, queued inputs wait until it is resumed.', input, output },
  'session/resume': { doc: 'Revives a stopped session.', input, output },
  'session/retire': { doc: 'Closes a session to new inputs and lets it finish those it has.', input, output },
  'session/reset': { doc: 'Gives up all unfinished work and makes the session ready again.', input, output },
  'session/recycle': { doc: "Renews a session's executor and keeps its queued inputs.", input, output },
  'session/destroy': { doc: 'Ends a session for good; its transcript stays readable.', input, output },
}
