/** Reading events, and waiting for the next ones. */
import type { SessionId } from '../kernel/ids.ts'
import { Deadline } from '../time.ts'
import type { RuntimeApi } from './api.ts'
import { closing } from './claims.ts'
import type { Core } from './core.ts'
import { summaryOf } from './reads.ts'
import { waitForCommit } from './support.ts'

/** Events after a cursor; where there are none, the first ones within `waitMs`. */
export async function waitForEvents(
  core: Core,
  { sessionId, after, limit = 100, waitMs = 0, signal }: NonNullable<Parameters<RuntimeApi['events']>[0]>,
): ReturnType<RuntimeApi['events']> {
  const { store, clock } = core
  const query = { limit, ...(sessionId && { sessionId: sessionId as SessionId }) }
  let from = after === '' ? undefined : after
  let exists = sessionId === undefined
  const deadline = Deadline.asked(clock, { waitMs })
  for (;;) {
    if (core.closing.signal.aborted) throw closing()
    const hint = waitForCommit(store, query.sessionId, deadline, signal, core.closing.signal)
    try {
      const page = await core.events.read({ ...query, ...(from !== undefined && { after: from }) })
      // Who has events exists: only where there are none the session is looked for.
      if (!exists && page.events.length === 0) await summaryOf(store, sessionId ?? '')
      exists = true
      // What holds no events is not looked through again.
      from = page.cursor
      if (page.events.length > 0 || deadline.passed || signal?.aborted === true) return page
      await hint
    } finally {
      hint.cancel()
    }
  }
}
