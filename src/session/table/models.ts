/** Rows for the model of a session. */
import { modelView, type SwitchParams, switchAgain, switchForTurns } from '../models.ts'
import { form, session } from '../plain.ts'
import type { SettingsUpdate } from '../settings.ts'
import type { Owner, Reader } from './row.ts'
import { updating } from './sessions.ts'

export const modelRows = {
  'model/get': {
    needs: 'reader',
    plain: form(session),
    run: (core, { sessionId }) => modelView(core, sessionId),
  } satisfies Reader<'model/get'>,
  'model/set': {
    needs: 'owner',
    ...updating,
    task: (_, { model }) => ({ model }),
    answer: (core, _, { sessionId }) => modelView(core, sessionId),
  } satisfies Owner<'model/set', SettingsUpdate, number>,
  'model/switch': {
    needs: 'owner',
    letter: 'switchModel',
    task: ({ ids }, { sessionId: _, ...asked }) => ({ ...asked, requestId: ids.operation() }),
    run: switchForTurns,
    again: switchAgain,
    answer: (core, _, { sessionId }) => modelView(core, sessionId),
  } satisfies Owner<'model/switch', SwitchParams, true>,
}
