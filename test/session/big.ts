/** Sessions of a size that nobody waits for in a test: written straight into their store. */
import { Transaction } from '../../src/driver/transaction.ts'
import { uuidIds } from '../../src/ids.ts'
import type { InputId, SessionId } from '../../src/kernel/ids.ts'
import { meerkat } from '../../src/kernel/machine.ts'
import type { Claim, Store, StoreSource } from '../../src/store/store.ts'
import { systemClock } from '../../src/time.ts'

const ids = uuidIds(systemClock)

/** A session that is written one transaction after the other, as its owner would. */
class Writing {
  readonly #store: Store
  #state = meerkat.initial
  #commits = 0
  #claim: Claim | undefined
  readonly #id: SessionId

  constructor(store: Store, id: string) {
    this.#store = store
    this.#id = id as SessionId
  }

  async write(change: (tx: Transaction) => void): Promise<void> {
    const tx = new Transaction(this.#state, Date.now())
    change(tx)
    const built = tx.build(++this.#commits)
    this.#state = tx.state
    if (this.#claim === undefined) {
      const session = { id: this.#id, createdAt: tx.at, options: {} }
      this.#claim = (await this.#store.create(session, built, 'writer')).claim
    } else await this.#store.commit({ ...built, claim: this.#claim })
  }

  async end(): Promise<void> {
    if (this.#claim !== undefined) await this.#store.release(this.#claim)
    await this.#store.close()
  }
}

async function writing(source: StoreSource, id: string): Promise<Writing> {
  const session = new Writing(await source.open(), id)
  await session.write(tx => {
    tx.step({ type: 'Initialize' })
    tx.step({ type: 'RegisterSession', sessionId: id as SessionId, epochId: ids.epoch() })
  })
  return session
}

/** A session with this many records, each with some events of some characters. */
export async function withEvents(
  source: StoreSource,
  id: string,
  size: { readonly records: number; readonly events: number; readonly chars: number },
): Promise<void> {
  const session = await writing(source, id)
  const runId = ids.run()
  const writes: Promise<void>[] = []
  for (let record = 0; record < size.records; record++) {
    writes.push(
      session.write(tx => {
        for (let event = 0; event < size.events; event++) {
          const data = { text: `${record} ${event} `.padEnd(size.chars, 'x') }
          tx.event({ type: 'text.delta', runId, turn: 1, data })
        }
      }),
    )
  }
  await Promise.all(writes)
  await session.end()
}

/** A session in which this many inputs wait, `together` of them accepted by one record. */
export async function withBacklog(
  source: StoreSource,
  id: string,
  inputs: number,
  together = 1,
): Promise<readonly InputId[]> {
  const session = await writing(source, id)
  const all = Array.from({ length: inputs }, () => ids.input())
  const writes: Promise<void>[] = []
  for (let from = 0; from < inputs; from += together) {
    writes.push(
      session.write(tx => {
        for (const inputId of all.slice(from, from + together)) {
          tx.step({ type: 'AcceptInput', inputId, at: tx.at })
          tx.parts.inputs.push({ id: inputId, at: tx.at, mode: 'queue', kind: 'prompt', content: `say ${inputId}` })
        }
      }),
    )
  }
  await Promise.all(writes)
  await session.end()
  return all
}
