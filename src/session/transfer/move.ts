/**
 * Moves a session from one store to another, without its ever being runnable in both.
 *
 * 1. It is claimed in the source: no process writes it any more.
 * 2. It arrives in the target, complete, and no process may run it there.
 * 3. It is removed from the source.
 * 4. It is released in the target.
 *
 * A second move after a crash finds one of three things: the source has it (then the copy in the target is replaced),
 * only the target has it, not released (then it is released), or it has been moved.
 */
import { headOf } from '../../driver/head.ts'
import { stateOf } from '../../driver/load.ts'
import { asMeerkatError, MeerkatError } from '../../errors.ts'
import type { SessionId } from '../../kernel/ids.ts'
import { aClock, aStore, aWord, checkArgument, checkOptions, type Fields, optional } from '../../options.ts'
import { RECORD_VERSION } from '../../store/records.ts'
import type { Claim, SessionSummary, Store } from '../../store/store.ts'
import { sessionExists } from '../../store/store-errors.ts'
import { type Clock, systemClock } from '../../time.ts'
import { ARRIVED, clearRemains, isArriving, notWhole } from '../arrival.ts'
import { rowsOf } from '../log-pages.ts'
import { summaryOf } from '../reads.ts'
import { exportSession } from './export.ts'
import { importClaimed } from './import.ts'

export interface MoveOptions {
  /** Who claims the session during the move: a name that no other process uses. */
  readonly owner: string
  readonly clock?: Clock
}

const MOVE: Fields<MoveOptions> = { owner: aWord, clock: optional(aClock) }

export interface Moved {
  readonly sessionId: SessionId
  /** False: an earlier move had got that far. */
  readonly moved: boolean
}

/**
 * Moves a session. `not-owner` while a living process owns it in the source, `session-conflict` if the target has
 * another session of this id.
 */
export async function moveSession(from: Store, to: Store, sessionId: string, options: MoveOptions): Promise<Moved> {
  checkArgument('moveSession', 'from', from, aStore)
  checkArgument('moveSession', 'to', to, aStore)
  checkArgument('moveSession', 'sessionId', sessionId, aWord)
  checkOptions('moveSession', options, MOVE)
  const id = sessionId as SessionId
  // An earlier move may have died while it removed the copy: what is left of that belongs to no session.
  await clearRemains(from, id, options.owner).catch(unlessHeld)
  const [source, target] = [await from.session(id), await to.session(id)]
  if (source === undefined) return { sessionId: id, moved: await finish(to, id, options) }
  if (isArriving(source.phase)) throw notWhole(id)
  if (target !== undefined && !isArriving(target.phase)) throw sessionExists(id)
  const { owner } = options
  const claim = await from.claim(id, owner)
  let landed: Claim
  try {
    if (target !== undefined) await clear(to, from, target, owner)
    landed = (await importClaimed(to, exportSession(from, id), { owner, wait: true })).claim
  } catch (error) {
    // The failure that is told is the first one; the claim lapses with its lease.
    await from.release(claim).catch(() => {})
    throw error
  }
  try {
    await from.remove(claim)
  } catch (error) {
    // A store that failed can't say whether the removal took place: the next move finds out. Where the source has
    // only a part left, the complete session is the one in the target.
    if (await isWhole(from, id, error)) await to.remove(landed).catch(() => {})
    throw error
  }
  await letLoose(to, landed, options)
  return { sessionId: id, moved: true }
}

function unlessHeld(error: unknown): void {
  if (asMeerkatError(error).code !== 'not-owner') throw error
}

/** Whether the source still has the complete session after its removal failed with this error. */
async function isWhole(from: Store, id: SessionId, error: unknown): Promise<boolean> {
  if (asMeerkatError(error).code === 'store-unavailable') return false
  const source = await from.session(id).catch(() => undefined)
  return source !== undefined && !isArriving(source.phase)
}

/** The source does not have it any more: releases it in the target, if it is not released yet. */
async function finish(to: Store, id: SessionId, options: MoveOptions): Promise<boolean> {
  if ((await to.session(id))?.phase === ARRIVED) {
    await letLoose(to, await to.claim(id, options.owner), options)
    return true
  }
  await summaryOf(to, id)
  return false
}

/**
 * Removes the copy that an earlier, interrupted move left in the target; refuses where it is not a copy of the
 * source's session.
 */
async function clear(to: Store, from: Store, { id, phase }: SessionSummary, owner: string): Promise<void> {
  const claim = await to.claim(id, owner)
  if (phase !== ARRIVED || (await isCopyOf(from, to, id))) return to.remove(claim)
  // The claim may have found the remains of another session.
  await to.release(claim)
  throw sessionExists(id)
}

/** Whether every record of the target equals the source's record at the same place. */
async function isCopyOf(from: Store, to: Store, sessionId: SessionId): Promise<boolean> {
  const theirs = rowsOf(from, { sessionId })
  for await (const { record } of rowsOf(to, { sessionId })) {
    const { value } = await theirs.next()
    const other = value?.record
    if (other?.at !== record.at || JSON.stringify(other.steps) !== JSON.stringify(record.steps)) return false
  }
  return true
}

async function letLoose(to: Store, claim: Claim, { clock = systemClock }: MoveOptions): Promise<void> {
  const loaded = await to.load(claim.sessionId)
  if (loaded.head.phase !== ARRIVED) {
    throw new MeerkatError('conflict', `session ${claim.sessionId} was moved by another process meanwhile`)
  }
  const record = { v: RECORD_VERSION, at: clock.now(), events: [{ type: 'session.moved' }] } as const
  await to.commit({ claim, record, head: headOf(await stateOf(loaded), loaded.head.commits + 1) })
  await to.release(claim)
}
