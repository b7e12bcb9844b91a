/**
 * Letters: how a process asks the owner of a session to do something, through the store they share.
 *
 * 1. A letter is durable before `post` answers, and reaches the owner of the session, the present or a later one, until it
 *    expires.
 * 2. It may be delivered more than once: the owner may die before the answer is written. So the commit that performs it
 *    names it, and an owner that reads it again finds that.
 * 3. An answer is durable before `answer` resolves, and is kept until it is taken or a while after the letter expired.
 * 4. Hints (`onCommit` of the session) tell the owner of letters and the sender of answers; a lost hint costs a poll.
 */
import type { Branded, SessionId } from '../kernel/ids.ts'

/** Unique, chosen by the sender. */
export type LetterId = Branded<'LetterId'>

export interface Letter {
  readonly id: LetterId
  readonly sessionId: SessionId
  /** JSON text. */
  readonly body: string
}

export interface Mail {
  /**
   * It is not delivered after `ttlMs` on the store's clock. `session-not-found` if there is no such session. Posting the
   * same id again changes nothing.
   */
  post(letter: Letter, ttlMs: number): Promise<void>
  /** Unanswered, unexpired letters to sessions that `owner` holds now, oldest first. */
  open(owner: string, limit: number): Promise<readonly Letter[]>
  /** The first answer stands. An answer to a letter that is gone is dropped. */
  answer(letterId: LetterId, body: string): Promise<void>
  /** The answer, if there is one; taking it forgets the letter. */
  take(letterId: LetterId): Promise<string | undefined>
  /** Withdraws an unanswered letter. False when it was answered or is gone. */
  recall(letterId: LetterId): Promise<boolean>
}
