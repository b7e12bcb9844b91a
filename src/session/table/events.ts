/** The event log, read by cursor. */
import { form, limit, name, session, waitMs } from '../plain.ts'
import { waitForEvents } from '../wait-for-events.ts'
import type { Reader } from './row.ts'

export const eventRows = {
  'events/read': {
    needs: 'reader',
    plain: form({}, { ...session, after: name, limit, waitMs }),
    run: (core, params, { signal }) => waitForEvents(core, { ...params, ...(signal && { signal }) }),
  } satisfies Reader<'events/read'>,
}
