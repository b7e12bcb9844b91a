/** Letters in the database: posted with a notice to the session's owner, answered with one to the sender. */

import type { SessionId } from '../../kernel/ids.ts'
import { demandStorable } from '../../names.ts'
import type { Letter, LetterId, Mail } from '../mail.ts'
import { sessionNotFound } from '../store-errors.ts'
import type { Client } from './client.ts'
import type { Hints } from './hints.ts'
import { quote } from './literals.ts'

export interface MailOptions {
  readonly client: Client
  readonly channel: string
  readonly hints: Hints
}

export class PostgresMail implements Mail {
  readonly #client: Client
  readonly #channel: string
  readonly #hints: Hints

  constructor({ client, channel, hints }: MailOptions) {
    this.#client = client
    this.#channel = channel
    this.#hints = hints
  }

  async post({ id, sessionId, body }: Letter, ttlMs: number): Promise<void> {
    demandStorable(`${id}${sessionId}${body}`, 'a letter')
    const notice = `${quote(this.#channel)},${quote(this.#hints.notice([sessionId], 'mail'))}`
    const [row] = await this.#client.write(
      `SELECT * FROM post_letter(${quote(id)},${quote(sessionId)},${quote(body)},${Math.ceil(ttlMs)},${notice})`,
      sessionId,
    )
    if (row !== undefined) throw sessionNotFound(sessionId)
    this.#hints.notify({ sessionId, about: 'mail' })
  }

  async open(owner: string, limit: number): Promise<readonly Letter[]> {
    const rows = await this.#client.read(
      `SELECT l.id, h.id AS session_id, l.body
       FROM owners o JOIN heads h ON h.owner = o.n JOIN letters l ON l.session = h.session
       WHERE o.owner = $1 AND l.answer IS NULL AND l.expires_at > clock_timestamp() ORDER BY l.n LIMIT $2`,
      [owner, limit],
    )
    return rows.map(row => ({
      id: String(row['id']) as LetterId,
      sessionId: String(row['session_id']) as SessionId,
      body: String(row['body']),
    }))
  }

  async answer(letterId: LetterId, body: string): Promise<void> {
    demandStorable(`${letterId}${body}`, 'an answer')
    const [row] = await this.#client.write(
      `SELECT * FROM answer_letter(${quote(letterId)},${quote(body)},${quote(this.#channel)},${quote(this.#hints.origin)}) AS id`,
    )
    if (row !== undefined) this.#hints.notify({ sessionId: String(row['id']) as SessionId, about: 'mail' })
  }

  async take(letterId: LetterId): Promise<string | undefined> {
    demandStorable(letterId, 'a letter id')
    const [row] = await this.#client.write(
      `DELETE FROM letters WHERE id = ${quote(letterId)} AND answer IS NOT NULL RETURNING answer`,
    )
    return row === undefined ? undefined : String(row['answer'])
  }

  async recall(letterId: LetterId): Promise<boolean> {
    demandStorable(letterId, 'a letter id')
    const rows = await this.#client.write(
      `DELETE FROM letters WHERE id = ${quote(letterId)} AND answer IS NULL RETURNING id`,
    )
    return rows.length > 0
  }
}
