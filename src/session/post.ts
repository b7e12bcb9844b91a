/**
 * Requests between processes: from the process that a caller asked to the owner of the session.
 *
 * 1. A request is a letter in the store: it is durable before it is sent, and is read by the present owner or the
 *    next one.
 * 2. While it waits, the sender tries to become the owner itself: the session of a dead owner is taken up by the
 *    process that has a request for it.
 * 3. Without an answer in time the caller gets `not-owner`; the error says whether the request was taken back or may
 *    still be performed.
 */
import { asMeerkatError, type ErrorBody, MeerkatError } from '../errors.ts'
import type { SessionId } from '../kernel/ids.ts'
import type { Letter, LetterId } from '../store/mail.ts'
import { Deadline } from '../time.ts'
import type { Core } from './core.ts'
import { HintListener } from './hints.ts'
import type { LiveSession } from './live-session.ts'
import type { Owned } from './table/row.ts'
import { letters } from './table/rows.ts'

/** How long a request may take, beyond the lease of an owner that died. */
const PATIENCE_MS = 10_000
/**
 * How often the sender looks for the answer itself, in case a hint is lost or the owner leaves silently: soon at
 * first, then more rarely.
 */
const POLLS = { firstMs: 20, mostMs: 1_000 } as const
const LETTERS_AT_ONCE = 100
/** How many owners are asked for a session, one after the other. */
const TRIES = 3

type Answer = { readonly value: unknown } | { readonly error: ErrorBody }

/**
 * Lets the owner of a session perform a task: this process where it is the owner or may become it, else the owner, by
 * a letter.
 */
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
    // The other process runs the same row of the table, and its answers are plain JSON.
    return (await forward(core, { name: row.letter, params }, sessionId as SessionId)) as Came
  }
}

/** The letter that asks an owner to give the session away. */
const GIVE_WAY = 'giveWay'

/**
 * The session, owned by this process. An owner that is not at work on it is asked for it, in one letter for all
 * callers of this process.
 */
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
        // An owner of an older release does not know this letter, and keeps its sessions.
        if (asMeerkatError(why).code !== 'unsupported') throw why
      })
      // A third process may be faster; and this process may have got the session by another way.
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
  const hints = new HintListener(store, sessionId, closing.signal)
  try {
    for (let pollMs: number = POLLS.firstMs; !deadline.passed && !closing.signal.aborted; pollMs *= 2) {
      hints.look()
      const until = deadline.within(Math.min(pollMs, POLLS.mostMs))
      const body = await store.mail.take(letter.id)
      if (body !== undefined) {
        // Its owner may die before it has done what the letter asks.
        core.sessions.want(sessionId)
        return answerIn(body)
      }
      const isHere = await isOwnHere(core, sessionId)
      if (isHere && name === GIVE_WAY) {
        await store.mail.recall(letter.id)
        return true
      }
      if (isHere) await collect(core)
      await hints.wait(until)
    }
  } finally {
    hints.close()
  }
  throw unanswered(sessionId, name, await store.mail.recall(letter.id))
}

/** Whether this process owns the session, after claiming it if it is free. */
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

function answerIn(body: string): unknown {
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

/** Performs every letter to sessions of this process that is not being performed yet. */
async function collect(core: Core): Promise<void> {
  const { store, owner, lettersInHand } = core
  for (const letter of await store.mail.open(owner, LETTERS_AT_ONCE)) {
    if (lettersInHand.has(letter.id)) continue
    lettersInHand.add(letter.id)
    serveLetter(core, letter)
      // The letter stays unanswered, and is found again.
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
    // Another process took the session over: the letter is for that one now.
    if (known.code === 'not-owner') return
    answer = { error: known.toJSON() }
  }
  await core.faults?.('mail.answer')
  await core.store.mail.answer(letter.id, JSON.stringify(answer))
}

async function performed(core: Core, { id, sessionId, body }: Letter): Promise<unknown> {
  const { name, params } = JSON.parse(body) as Request
  if (name === GIVE_WAY) return core.sessions.giveWay(sessionId)
  // The sender may have an executor for the session and this process has none: the letter finds the session's next
  // owner.
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
  return new MeerkatError('not-owner', `session ${sessionId} was given to the process that asked for it: try again`)
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

  /** Reads the letters; if it is reading them already, once more afterwards. */
  look(): void {
    if (this.#collecting !== undefined) {
      this.#again = true
      return
    }
    // The store can't be read now: the next sweep tries again.
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
