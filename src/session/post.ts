/**
 * Requests between processes: from whoever was asked to whoever owns the session.
 *
 * 1. A request is a letter in the store: durable before it counts, and read by the owner of that moment or the next one.
 * 2. While it waits, the sender tries to become the owner itself: a dead one's session is taken up by whoever asks.
 * 3. No answer in time is `not-owner`; the error says whether the request was taken back or may still be performed.
 */
import { asMeerkatError, type ErrorBody, MeerkatError } from '../errors.ts'
import type { SessionId } from '../kernel/ids.ts'
import type { Letter, LetterId } from '../store/mail.ts'
import { Deadline } from '../time.ts'
import type { Core } from './core.ts'
import type { LiveSession } from './live-session.ts'
import { waitForNews } from './news.ts'
import type { Owned } from './table/row.ts'
import { letters } from './table/rows.ts'

/** What a request may take besides the time a dead owner keeps its sessions. */
const PATIENCE_MS = 10_000
/** Behind hints that are lost, and an owner that gives a session up without a word: soon at first, then less and less often. */
const POLLS = { firstMs: 20, mostMs: 1_000 } as const
const LETTERS_AT_ONCE = 100
/** Owners that are asked for a session, one after the other. */
const TRIES = 3

type Answer = { readonly value: unknown } | { readonly error: ErrorBody }

/** Has the owner of a session do something: this process where it owns it or may, else by a letter to the one that does. */
export async function ask<Task, Came>(
  core: Core,
  row: Owned<Task, Came>,
  sessionId: string,
  task: Task,
): Promise<Came> {
  try {
    return await core.on(sessionId, live => row.run(core, live, task, undefined))
  } catch (error) {
    if (asMeerkatError(error).code !== 'not-owner') throw error
    const params = row.pinned === undefined ? task : await row.pinned(core, sessionId, task)
    // The owner runs the same row, and its answers are plain JSON.
    return (await forward(core, { name: row.letter, params }, sessionId as SessionId)) as Came
  }
}

/** Asks the owner for the session itself. */
const GIVE_WAY = 'giveWay'

/** The session, owned by this process: an owner that is not at work on it is asked for it, once however many want it. */
export function obtain(core: Core, sessionId: SessionId): Promise<LiveSession> {
  const { obtaining } = core
  const asked = obtaining.get(sessionId) ?? obtainAlone(core, sessionId).finally(() => obtaining.delete(sessionId))
  obtaining.set(sessionId, asked)
  return asked
}

async function obtainAlone(core: Core, sessionId: SessionId): Promise<LiveSession> {
  for (let tries = 1; ; tries++) {
    try {
      return await core.sessions.get(sessionId)
    } catch (error) {
      if (asMeerkatError(error).code !== 'not-owner' || tries > TRIES) throw error
      const given = await forward(core, { name: GIVE_WAY, params: {} }, sessionId).catch((why: unknown) => {
        // An owner of an older release keeps what it has.
        if (asMeerkatError(why).code !== 'unsupported') throw why
      })
      // A third one may take it before this one does; what it was asked for may have come by other ways, too.
      if (given !== true && core.sessions.peek(sessionId) === undefined) throw error
    }
  }
}

interface Request {
  readonly name: string
  readonly params: unknown
}

async function forward(core: Core, request: Request, sessionId: SessionId): Promise<unknown> {
  const { store, ids, clock, closing } = core
  const { name } = request
  const ttlMs = 2 * store.leaseMs + PATIENCE_MS
  const letter: Letter = { id: ids.session() as string as LetterId, sessionId, body: JSON.stringify(request) }
  const deadline = Deadline.in(clock, ttlMs)
  await store.mail.post(letter, ttlMs)
  for (let pollMs: number = POLLS.firstMs; !deadline.passed && !closing.signal.aborted; pollMs *= 2) {
    const hint = waitForNews(
      { store, sessionId, deadline: deadline.within(Math.min(pollMs, POLLS.mostMs)) },
      closing.signal,
    )
    try {
      const body = await store.mail.take(letter.id)
      if (body !== undefined) {
        // Its owner may end before what was asked of it does.
        core.sessions.want(sessionId)
        return opened(body)
      }
      const isHere = await isOwnHere(core, sessionId)
      if (isHere && name === GIVE_WAY) {
        await store.mail.recall(letter.id)
        return true
      }
      if (isHere) await collect(core)
      await hint
    } finally {
      hint.cancel()
    }
  }
  throw unanswered(sessionId, name, await store.mail.recall(letter.id))
}

/** Whether the session is this process's, be it that it has just become free. */
async function isOwnHere(core: Core, sessionId: SessionId): Promise<boolean> {
  if (core.sessions.peek(sessionId) !== undefined) return true
  try {
    await core.sessions.get(sessionId)
    return true
  } catch (error) {
    if (asMeerkatError(error).code === 'not-owner') return false
    throw error
  }
}

function opened(body: string): unknown {
  const answer = JSON.parse(body) as Answer
  if ('value' in answer) return answer.value
  const { code, message, retryable, details } = answer.error
  throw new MeerkatError(code, message, { retryable, ...(details && { details }) })
}

function unanswered(sessionId: SessionId, name: string, takenBack: boolean): MeerkatError {
  const what = takenBack
    ? 'nothing was done: ask again'
    : 'it may still be done: look before you ask again, or send with an idempotency key'
  return new MeerkatError('not-owner', `the owner of session ${sessionId} did not answer (${name}); ${what}`, {
    details: { sessionId, request: name, outcome: takenBack ? 'not-done' : 'unknown' },
  })
}

/** Begins to perform every letter to a session of this process that is not in hand already. */
async function collect(core: Core): Promise<void> {
  const { store, owner, lettersInHand } = core
  for (const letter of await store.mail.open(owner, LETTERS_AT_ONCE)) {
    if (lettersInHand.has(letter.id)) continue
    lettersInHand.add(letter.id)
    serveLetter(core, letter)
      // It stays open, and is found again.
      .catch(() => {})
      .finally(() => lettersInHand.delete(letter.id))
  }
}

async function serveLetter(core: Core, letter: Letter): Promise<void> {
  let answer: Answer
  try {
    answer = { value: await performed(core, letter) }
  } catch (error) {
    const known = asMeerkatError(error)
    // The session went to somebody else meanwhile: the letter is theirs now.
    if (known.code === 'not-owner') return
    answer = { error: known.toJSON() }
  }
  await core.faults?.('mail.answer')
  await core.store.mail.answer(letter.id, JSON.stringify(answer))
}

async function performed(core: Core, { id, sessionId, body }: Letter): Promise<unknown> {
  const { name, params } = JSON.parse(body) as Request
  if (name === GIVE_WAY) return core.sessions.giveWay(sessionId)
  // Whoever asks may have what nobody here serves any more: the letter finds its next owner.
  if (!core.sessions.keeps(sessionId) && (await core.sessions.giveWay(sessionId))) throw givenAway(sessionId)
  const row = letters.get(name)
  if (row === undefined) {
    throw new MeerkatError('unsupported', `the owner of session ${sessionId} is of a release that can't ${name}`)
  }
  return core.on(sessionId, async live => {
    const before = await core.store.locate(id)
    return before === undefined ? row.run(core, live, params, id) : row.again(core, sessionId, params, before.first)
  })
}

function givenAway(sessionId: SessionId): MeerkatError {
  return new MeerkatError('not-owner', `session ${sessionId} was given to whoever asked for it`)
}

/** Reads this process's letters whenever a hint says that there may be some. */
export class Postman {
  readonly #core: Core
  readonly #off: () => void
  #collecting: Promise<void> | undefined
  #again = false

  constructor(core: Core) {
    this.#core = core
    this.#off = core.store.onCommit(({ sessionId, about }) => {
      const mail = about === 'mail' || (about === undefined && sessionId === undefined)
      if (mail && (sessionId === undefined || core.sessions.peek(sessionId) !== undefined)) this.look()
    })
  }

  /** Looks for letters; once more if it is looking already. */
  look(): void {
    if (this.#collecting !== undefined) {
      this.#again = true
      return
    }
    // A store that can't be read now is looked into by the next sweep.
    this.#collecting = collect(this.#core)
      .catch(() => {})
      .finally(() => {
        this.#collecting = undefined
        if (!this.#again) return
        this.#again = false
        this.look()
      })
  }

  stop(): void {
    this.#off()
  }
}
