/** Rows for runs: each is one attempt to answer inputs. */
import { defined } from '../../defined.ts'
import { asMeerkatError } from '../../errors.ts'
import type { RunId, SessionId } from '../../kernel/ids.ts'
import { parkedWork } from '../../kernel/owed.ts'
import { givenUpInputs } from '../../kernel/regions/endings/table.ts'
import type { EndedRecord, Position } from '../../store/records.ts'
import { type CancelAnswer, type CancelRequest, cancel, lastRunOf } from '../control.ts'
import type { Core } from '../core.ts'
import { rowsOf } from '../log-pages.ts'
import { form, name, oneOf, session } from '../plain.ts'
import { listRuns } from '../queries.ts'
import { receiptsOf, runView, summaryOf } from '../reads.ts'
import type { Owner, Reader } from './row.ts'

const cancelRun = {
  needs: 'owner',
  plain: form({ ...session, when: oneOf('now', 'boundary') }, { runId: name, queue: oneOf('keep', 'drop') }),
  letter: 'cancel',
  async task({ store }, { sessionId, ...what }) {
    if (what.runId !== undefined) await runView(store, sessionId, what.runId)
    return what
  },
  run: (core, live, asked, letter) => cancel(live, core.store, asked, letter),
  async again(core, sessionId, { runId, queue }, at) {
    const ended = await endedFrom(core, sessionId, at)
    const endedInputs = ended.map(({ id }) => id)
    const dropped = queue === 'drop' ? { dropped: ended.filter(({ status }) => status === 'abandoned').length } : {}
    const run = runId === undefined ? undefined : await runView(core.store, sessionId, runId).catch(unlessUnknown)
    const isHit = run?.state === 'cancelled' || run?.state === 'running'
    const cancelled = isHit || ended.some(({ status }) => status === 'withdrawn')
    const named = { ...defined({ runId: runId as RunId | undefined }), ...dropped, endedInputs }
    return cancelled ? { cancelled, ...named } : { cancelled, alreadyEnded: true, ...named }
  },
  /** "The current run" means the one that is current now, not when the letter is read. */
  async pinned(core, sessionId, asked) {
    if (asked.runId !== undefined) return asked
    const state = await core.state(sessionId)
    if (state.run.phase === 'bound') return { ...asked, runId: state.run.runId }
    // Work that waits for a person is named by the runs that left it: a run that resumes it meanwhile is not meant.
    const left = await Promise.all(parkedWork(state).map(work => lastRunOf(core.store, sessionId as SessionId, work)))
    const parked = left.filter(runId => runId !== undefined)
    return parked.length > 0 ? { ...asked, parked } : { ...asked, runId: core.ids.run() }
  },
  answer: (_, cancelled) => cancelled,
} satisfies Owner<'run/cancel', CancelRequest, CancelAnswer>

/** A run that never began is none; a store that can't say whether it did is an error. */
function unlessUnknown(error: unknown): undefined {
  if (asMeerkatError(error).code !== 'run-not-found') throw error
}

/** The inputs that a record ended, and those that it gave up: of these, each later record ends some. */
async function endedFrom(
  core: Core,
  sessionId: string,
  at: Position,
): Promise<readonly Pick<EndedRecord, 'id' | 'status'>[]> {
  const all: Pick<EndedRecord, 'id' | 'status'>[] = []
  for await (const { position, record } of rowsOf(core.store, { sessionId: sessionId as SessionId, after: at - 1 })) {
    if (position > at && record.steps?.some(({ type }) => type === 'EndGivenUp') !== true) return all
    all.push(...(record.ended ?? []))
  }
  const { endings } = await core.state(sessionId)
  const ended = new Set(all.map(({ id }) => id))
  const left = givenUpInputs(endings).filter(id => !ended.has(id))
  return [...all, ...left.map(id => ({ id, status: 'abandoned' as const }))]
}

export const runRows = {
  'run/cancel': cancelRun,
  'run/list': {
    needs: 'reader',
    async run({ store }, { sessionId, ...page }) {
      const { items: runs, ...next } = await listRuns(store, (await summaryOf(store, sessionId)).id, page)
      return { runs, ...next }
    },
  } satisfies Reader<'run/list'>,
  'run/get': {
    needs: 'reader',
    async run({ store }, { sessionId, runId }) {
      const { id } = await summaryOf(store, sessionId)
      const run = await runView(store, id, runId)
      return { run, receipts: await receiptsOf(store, id, run.id) }
    },
  } satisfies Reader<'run/get'>,
}
