/** Rows for sessions: opening, listing, reading, changing, forking and explaining them. */
import { defined } from '../../defined.ts'
import type { SessionId } from '../../kernel/ids.ts'
import { isArriving } from '../arrival.ts'
import { audit } from '../audit.ts'
import type { Core } from '../core.ts'
import { explanationOf, sightOf } from '../explanation.ts'
import { knownModel } from '../models.ts'
import { forkSession, openSession } from '../opening.ts'
import { flag, form, limit, name, session, text, whole } from '../plain.ts'
import { labelOf, PAGE, pageOf, pageOfHistory } from '../queries.ts'
import { sessionView, summaryOf } from '../reads.ts'
import { changeSettings, demandActing, type SettingsUpdate } from '../settings.ts'
import type { SessionView } from '../views.ts'
import type { Owned, Owner, Reader } from './row.ts'

const viewed = async (core: Core, sessionId: string): Promise<{ readonly session: SessionView }> => ({
  session: sessionView(await summaryOf(core.store, sessionId), core.phaseOf(sessionId)),
})

/** Changes a session's options, for `session/update` and for an opener. */
export const updating: Owned<SettingsUpdate, number> = {
  letter: 'update',
  async run(core, live, changes, letter) {
    const capabilities = await knownModel(core, live.id, changes.model ?? undefined)
    return live.driver.mutate(tx => {
      tx.performs(letter)
      return changeSettings(tx, live.record, changes, capabilities)
    })
  },
  again: async (core, sessionId) => (await summaryOf(core.store, sessionId)).revision ?? 1,
}

const update = {
  needs: 'owner',
  ...updating,
  task({ serving }, { sessionId, ...changes }) {
    demandActing(changes, serving.of(sessionId as SessionId))
    return changes
  },
  answer: (core, _, { sessionId }) => viewed(core, sessionId),
} satisfies Owner<'session/update', SettingsUpdate, number>

const open = {
  needs: 'reader',
  plain: form({}, { ...session, title: name, model: name, system: text, merge: flag }),
  async run(core, { onConflict = 'refuse', ...wanted }, { asOwner }) {
    const { session: found, changes } = await openSession(core, wanted, onConflict)
    if (changes === undefined) return { session: sessionView(found, core.phaseOf(found.id)) }
    await asOwner(update, found.id, changes)
    return viewed(core, found.id)
  },
} satisfies Reader<'session/open'>

const list = {
  needs: 'reader',
  plain: form({}, { after: name, limit, label: name }),
  async run(core, { after, limit: most = PAGE, phase, label }) {
    const [key, value] = labelOf(label ?? '')
    const found = await core.store.sessions({
      limit: most + 1,
      ...(after && { after: after as SessionId }),
      ...(phase && { phase }),
      ...(label && { label: { key, ...defined({ value }) } }),
    })
    const { items, ...next } = pageOf(found, most, ({ id }) => id)
    // A session that is being imported is not listed yet.
    const whole = items.filter(one => !isArriving(one.phase))
    return { sessions: whole.map(summary => sessionView(summary, core.phaseOf(summary.id))), ...next }
  },
} satisfies Reader<'session/list'>

const history = {
  needs: 'reader',
  plain: form(session, { after: whole(0, 2 ** 31), limit }),
  async run({ store }, { sessionId, after, limit: most = PAGE }) {
    const { id, messages: length } = await summaryOf(store, sessionId)
    return pageOfHistory(store, id, length, after === undefined ? 0 : after + 1, most)
  },
} satisfies Reader<'session/history'>

export const sessionRows = {
  'session/open': open,
  'session/update': update,
  'session/get': {
    needs: 'reader',
    plain: form(session),
    run: (core, { sessionId }) => viewed(core, sessionId),
  } satisfies Reader<'session/get'>,
  'session/list': list,
  'session/history': history,
  'session/fork': {
    needs: 'reader',
    run: async (core, { sessionId, ...how }) => viewed(core, await forkSession(core, sessionId, how)),
  } satisfies Reader<'session/fork'>,
  'session/explain': {
    needs: 'reader',
    plain: form(session),
    run: async (core, { sessionId }) => explanationOf(await core.state(sessionId), sightOf(core, sessionId)),
  } satisfies Reader<'session/explain'>,
  'session/audit': {
    needs: 'reader',
    plain: form(session),
    async run({ store }, { sessionId }, { signal, onProgress }) {
      return audit(store, (await summaryOf(store, sessionId)).id, { signal, onProgress })
    },
  } satisfies Reader<'session/audit'>,
}
