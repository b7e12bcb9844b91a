/** How sessions are made: opened, or forked from the transcript of another one. */
import { MeerkatError } from '../errors.ts'
import type { SessionId } from '../kernel/ids.ts'
import { abilitiesOf } from '../loop/abilities.ts'
import type { MessageRecord, SessionOptions } from '../store/records.ts'
import type { SessionSummary } from '../store/store.ts'
import type { OnConflict, SessionChanges } from './api.ts'
import { digestsIn, readBlob } from './blobs.ts'
import type { Core } from './core.ts'
import { knownModel } from './models.ts'
import { readMessages, summaryOf } from './reads.ts'
import { changesTo, demandActing, optionsConflict, sameOptions } from './settings.ts'

/**
 * The session of this id, made if there is none; `changes` are the opener's options that differ from those of an
 * existing one. Names of tools are checked against the executor that serves the session.
 */
export async function openSession(
  core: Core,
  { sessionId, ...options }: SessionOptions & { readonly sessionId?: string },
  onConflict: OnConflict,
  checkedBy: 'executor' | 'none' = 'executor',
): Promise<{ readonly session: SessionSummary; readonly changes?: SessionChanges }> {
  const id = (sessionId ?? core.ids.session()) as SessionId
  demandActing(options, checkedBy === 'executor' ? core.serving.of(id) : undefined)
  if ((await core.store.session(id)) === undefined) {
    try {
      const capabilities = await knownModel(core, id, options.model)
      await core.sessions.create(id, options, { capabilities })
    } catch (error) {
      // Of two callers that open it at once, the second finds the session of the first.
      if (!(error instanceof MeerkatError && error.code === 'session-conflict')) throw error
    }
  }
  const session = await summaryOf(core.store, id)
  if (onConflict === 'keep' || Object.keys(options).length === 0 || sameOptions(session.options, options)) {
    return { session }
  }
  if (onConflict === 'refuse') throw optionsConflict(session)
  return { session, changes: changesTo(session, options) }
}

/** Makes a session from the first messages of another one, and answers its id. */
export async function forkSession(
  core: Core,
  sessionId: string,
  { atMessage, newSessionId }: { readonly atMessage?: number | undefined; readonly newSessionId?: string | undefined },
): Promise<SessionId> {
  const { store, sessions, ids } = core
  const source = await summaryOf(store, sessionId)
  const { visibility, llm } = await core.state(source.id)
  const count = Math.min(source.messages, atMessage ?? source.messages)
  const copied = count === 0 ? [] : await readMessages(store, source.id, 0, count)
  const messages = copied.map(({ role, content }): MessageRecord => ({ role, content }))
  const blobs = await Promise.all(digestsIn(messages).map(digest => readBlob(store, digest)))
  const id = (newSessionId ?? ids.session()) as SessionId
  const capabilities = abilitiesOf(llm, source.options.model)
  await sessions.create(id, source.options, { fork: { from: source.id, messages, blobs, visibility }, capabilities })
  return id
}
