/** Letters of a memory source. */
import type { SessionId } from '../../kernel/ids.ts'
import type { Clock } from '../../time.ts'
import type { Letter, LetterId, Mail } from '../mail.ts'
import { sessionNotFound, storeClosed } from '../store-errors.ts'
import type { MemoryData, StoredLetter } from './data.ts'

/** Answers are kept this long after their letter has expired. */
const ANSWER_KEPT_MS = 60_000

export class MemoryMail implements Mail {
  readonly #data: MemoryData
  readonly #clock: Clock
  readonly #isOpen: () => boolean

  constructor(data: MemoryData, clock: Clock, isOpen: () => boolean) {
    this.#data = data
    this.#clock = clock
    this.#isOpen = isOpen
  }

  async post({ id, sessionId, body }: Letter, ttlMs: number): Promise<void> {
    const letters = this.#letters()
    if (!this.#data.sessions.has(sessionId)) throw sessionNotFound(sessionId)
    const now = this.#clock.now()
    for (const [old, { expiresAt }] of letters) if (expiresAt + ANSWER_KEPT_MS < now) letters.delete(old)
    if (!letters.has(id)) letters.set(id, { sessionId, body, expiresAt: now + ttlMs })
    this.#hint(sessionId)
  }

  async open(owner: string, limit: number): Promise<readonly Letter[]> {
    const now = this.#clock.now()
    return [...this.#letters()]
      .filter(([, letter]) => letter.answer === undefined && letter.expiresAt > now && this.#isHeldBy(letter, owner))
      .slice(0, limit)
      .map(([id, { sessionId, body }]) => ({ id, sessionId, body }))
  }

  async answer(letterId: LetterId, body: string): Promise<void> {
    const letter = this.#letters().get(letterId)
    if (letter === undefined || letter.answer !== undefined) return
    letter.answer = body
    this.#hint(letter.sessionId)
  }

  async take(letterId: LetterId): Promise<string | undefined> {
    const answer = this.#letters().get(letterId)?.answer
    if (answer !== undefined) this.#data.letters.delete(letterId)
    return answer
  }

  async recall(letterId: LetterId): Promise<boolean> {
    const letter = this.#letters().get(letterId)
    return letter !== undefined && letter.answer === undefined && this.#data.letters.delete(letterId)
  }

  #letters(): MemoryData['letters'] {
    if (!this.#isOpen()) throw storeClosed('memory:')
    return this.#data.letters
  }

  #isHeldBy({ sessionId }: StoredLetter, owner: string): boolean {
    const holder = this.#data.sessions.get(sessionId)?.holder
    return holder?.owner === owner && holder.store.isOpen
  }

  #hint(sessionId: SessionId): void {
    this.#data.listeners.notify({ sessionId, about: 'mail' })
  }
}
