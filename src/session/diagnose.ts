/** Finds stuck work and says who can help. Reads the store alone: it claims nothing and writes nothing. */
import { stateOf } from '../driver/load.ts'
import { asMeerkatError } from '../errors.ts'
import type { SessionId } from '../kernel/ids.ts'
import { mapValues } from '../kernel/persistent-map.ts'
import { dueSchedules } from '../kernel/regions/schedules/table.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { SessionSummary, Store } from '../store/store.ts'
import { expiryText, shellWord, spanOf } from './words.ts'

export interface Finding {
  readonly level: 'ok' | 'warning' | 'error'
  readonly text: string
}

/** How many sessions are examined; the rest is only counted. */
const LOOKED_INTO = 200
/** How many findings of one kind are listed. */
const LISTED = 20
/** A timer that is late by more than this is stuck, and not merely waiting for its turn. */
const OVERDUE_MS = 60_000

/** Stuck work, one finding a line; `now` in ms since the epoch. */
export async function diagnose(store: Store, now: number): Promise<readonly Finding[]> {
  const [owed, unheld] = await Promise.all([
    store.sessions({ owed: true, limit: LOOKED_INTO }),
    store.sessions({ unheld: { dueBy: now }, limit: LOOKED_INTO }),
  ])
  const looked = await Promise.all(owed.map(session => lookInto(store, session, now)))
  const stuck = looked.flat()
  const late = await Promise.all(unheld.map(({ id }) => overdue(store, id, now)))
  const findings = [...unheldFindings(unheld), ...stuck, ...late.flat()]
  if (findings.length === 0) return [{ level: 'ok', text: `no work stands still (${owed.length} sessions owe some)` }]
  const more = findings.length - LISTED
  const rest: readonly Finding[] = more > 0 ? [{ level: 'warning', text: `${more} more such findings` }] : []
  return [...findings.slice(0, LISTED), ...rest]
}

function unheldFindings(unheld: readonly SessionSummary[]): readonly Finding[] {
  const owing = unheld.filter(({ unfinished, phase }) => unfinished > 0 && phase !== 'stopped')
  if (owing.length === 0) return []
  const names = owing.slice(0, 5).map(({ id }) => id)
  const some = owing.length > names.length ? `${names.join(', ')}, …` : names.join(', ')
  const text = `${owing.length} sessions owe work and no process holds them (${some}): start \`meerkat serve\` or \`meerkat worker\``
  return [{ level: 'warning', text }]
}

async function lookInto(store: Store, { id }: SessionSummary, now: number): Promise<readonly Finding[]> {
  const state = await stateIn(store, id)
  if ('text' in state) return [state]
  return [...stoppedFindings(state, id), ...callFindings(state, id, now)]
}

function stoppedFindings({ lifecycle, ledger }: MeerkatState, id: SessionId): readonly Finding[] {
  if (lifecycle.phase !== 'stopped') return []
  const text = `session ${id} is stopped, and inputs wait until it is resumed (${ledger.entries.size}): meerkat resume ${shellWord(id)}`
  return [{ level: 'warning', text }]
}

function callFindings(state: MeerkatState, id: SessionId, now: number): readonly Finding[] {
  return [...mapValues(state.calls.open)].flatMap((call): readonly Finding[] => {
    const since = spanOf(now - call.at)
    if (call.state === 'awaitingApproval') {
      const { expiry } = call
      const until = expiry === undefined ? '' : `, and ${expiryText(expiry.at, expiry.decision, now)}`
      const way = `meerkat approve ${shellWord(id)} ${call.id}`
      const text = `session ${id}: a call of ${call.tool} waits for approval since ${since}${until}: ${way}`
      return [{ level: 'warning', text }]
    }
    if (call.state !== 'unknown') return []
    const way = `meerkat resolve ${shellWord(id)} ${call.id} retry|succeeded|failed`
    return [
      { level: 'warning', text: `session ${id}: the outcome of a call of ${call.tool} was lost ${since} ago: ${way}` },
    ]
  })
}

async function overdue(store: Store, id: SessionId, now: number): Promise<readonly Finding[]> {
  const state = await stateIn(store, id)
  if ('text' in state) return [state]
  return dueSchedules(state, now - OVERDUE_MS).map(({ id: schedule, dueAt }) => ({
    level: 'warning',
    text: `session ${id}: schedule ${schedule} is overdue since ${spanOf(now - dueAt)}: no process fires it`,
  }))
}

/** The session's state, or the finding that it can't be read. */
async function stateIn(store: Store, id: SessionId): Promise<MeerkatState | Finding> {
  try {
    return await stateOf(await store.load(id))
  } catch (error) {
    return { level: 'error', text: asMeerkatError(error).message }
  }
}
