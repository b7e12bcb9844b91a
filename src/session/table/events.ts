/** The event log, read by cursor. */
import { Deadline } from '../../time.ts'
import { EventReader } from '../event-reader.ts'
import { form, limit, name, session, waitMs } from '../plain.ts'
import type { Reader } from './row.ts'

export const eventRows = {
  'events/read': {
    needs: 'reader',
    plain: form({}, { ...session, after: name, limit, waitMs }),
    async run(core, { waitMs: waitedMs = 0, ...place }, { signal }) {
      const reader = new EventReader(core, place, signal)
      try {
        return await reader.next(Deadline.asked(core.clock, { waitMs: waitedMs }))
      } finally {
        reader.close()
      }
    },
  } satisfies Reader<'events/read'>,
}
