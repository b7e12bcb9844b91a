/** Letters between the processes of one file. */
import type { SessionId } from '../../kernel/ids.ts'
import type { Clock } from '../../time.ts'
import type { Letter, LetterId, Mail } from '../mail.ts'
import { sessionNotFound } from '../store-errors.ts'
import type { SqlDriver, SqlStatement } from './driver.ts'

/** Answers are kept this long after their letter has expired. */
const ANSWER_KEPT_MS = 60_000

export interface LettersOptions {
  readonly db: SqlDriver
  readonly clock: Clock
  /** Runs a write inside the next transaction; `changed` names the session whose listeners are notified. */
  readonly write: <T>(apply: () => T, changed?: () => SessionId | undefined) => Promise<T>
  readonly read: <T>(body: () => T) => T
}

export class Letters implements Mail {
  readonly #options: LettersOptions
  readonly #sql: Record<
    'session' | 'sweep' | 'post' | 'open' | 'answer' | 'isAnswered' | 'forget' | 'recall',
    SqlStatement
  >

  constructor(options: LettersOptions) {
    const { db } = options
    this.#options = options
    this.#sql = {
      session: db.prepare('SELECT n FROM sessions WHERE id = ?'),
      sweep: db.prepare('DELETE FROM letters WHERE expires_at < ?'),
      post: db.prepare(
        'INSERT INTO letters (id, session, expires_at, body) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
      ),
      open: db.prepare(
        `SELECT l.id, s.id AS session, l.body FROM letters l
         JOIN sessions s ON s.n = l.session JOIN heads h ON h.session = l.session JOIN owners o ON o.n = h.owner
         WHERE o.owner = ? AND l.answer IS NULL AND l.expires_at > ? ORDER BY l.n LIMIT ?`,
      ),
      answer: db.prepare(
        `UPDATE letters SET answer = ? WHERE id = ? AND answer IS NULL
         RETURNING (SELECT id FROM sessions WHERE n = session) AS session`,
      ),
      isAnswered: db.prepare('SELECT 1 FROM letters WHERE id = ? AND answer IS NOT NULL'),
      forget: db.prepare('DELETE FROM letters WHERE id = ? AND answer IS NOT NULL RETURNING answer'),
      recall: db.prepare('DELETE FROM letters WHERE id = ? AND answer IS NULL'),
    }
  }

  async post({ id, sessionId, body }: Letter, ttlMs: number): Promise<void> {
    const { write, clock } = this.#options
    await write(
      () => {
        const session = this.#sql.session.get(sessionId)
        if (session === undefined) throw sessionNotFound(sessionId)
        const now = clock.now()
        this.#sql.sweep.run(now - ANSWER_KEPT_MS)
        this.#sql.post.run(id, Number(session['n']), now + ttlMs, body)
      },
      () => sessionId,
    )
  }

  async open(owner: string, limit: number): Promise<readonly Letter[]> {
    const { read, clock } = this.#options
    const rows = read(() => this.#sql.open.all(owner, clock.now(), limit))
    return rows.map(row => ({
      id: String(row['id']) as LetterId,
      sessionId: String(row['session']) as SessionId,
      body: String(row['body']),
    }))
  }

  async answer(letterId: LetterId, body: string): Promise<void> {
    let changed: SessionId | undefined
    await this.#options.write(
      () => {
        const row = this.#sql.answer.get(body, letterId)
        changed = row === undefined ? undefined : (String(row['session']) as SessionId)
      },
      () => changed,
    )
  }

  async take(letterId: LetterId): Promise<string | undefined> {
    // Read first, so that a poll without an answer costs no transaction.
    if (!this.#options.read(() => this.#sql.isAnswered.get(letterId) !== undefined)) return undefined
    const answer = await this.#options.write(() => this.#sql.forget.get(letterId)?.['answer'])
    return typeof answer === 'string' ? answer : undefined
  }

  async recall(letterId: LetterId): Promise<boolean> {
    return this.#options.write(() => Number(this.#sql.recall.run(letterId).changes) === 1)
  }
}
