/** What one store hears of the others, and of itself when it was cut off. */
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { LetterId } from '../../src/store/mail.ts'
import { type PostgresOptions, postgres } from '../../src/store/postgres/index.ts'
import type { Hint, Store } from '../../src/store/store.ts'
import { commit, create, head, sessionId } from '../../src/testing/store-contract/kit.ts'
import { freshSchema, postgresServer, rawly } from '../support/postgres.ts'

const S = sessionId('s')
const LETTER = 'l' as LetterId

async function openStore(url: string, options: PostgresOptions): Promise<Store> {
  const store = await postgres(url, options).open()
  onTestFinished(() => store.close())
  return store
}

describe('hints', () => {
  /** The next hint that fits. */
  function next(store: Store, fits: (hint: Hint) => boolean): Promise<Hint> {
    return new Promise(resolve => {
      const stop = store.onCommit(hint => {
        if (!fits(hint)) return
        stop()
        resolve(hint)
      })
    })
  }

  test('come from other stores, and say what they are about', async () => {
    const url = (await postgresServer()).url()
    const schema = freshSchema()
    const [store, other] = [await openStore(url, { schema }), await openStore(url, { schema })]
    // What is said before a store listens is lost, and only polled for, without a name: so both listen first.
    for (const one of [store, other]) onTestFinished(one.onCommit(() => {}))
    await Promise.all([store, other].map(one => next(one, hint => hint.sessionId === undefined)))
    const committed = next(other, hint => hint.sessionId === S)
    const { claim } = await create(store, 's', { head: head({ unfinished: 1 }) })
    expect(await committed).toEqual({ sessionId: S })
    // The poll may say the same sooner, without a name.
    const aboutS = (about: Hint['about']) => (hint: Hint) => hint.about === about && hint.sessionId === S
    const mailed = next(other, aboutS('mail'))
    await store.mail.post({ id: LETTER, sessionId: S, body: '{}' }, 5000)
    expect(await mailed).toEqual({ sessionId: S, about: 'mail' })
    const answered = next(store, aboutS('mail'))
    await other.mail.answer(LETTER, '"yes"')
    expect(await answered).toEqual({ sessionId: S, about: 'mail' })
    const freed = next(other, aboutS('free'))
    await store.release(claim)
    expect(await freed).toEqual({ sessionId: S, about: 'free' })
  })

  test('come without a notification too, a little later', async () => {
    const url = (await postgresServer()).url()
    const schema = freshSchema()
    const store = await openStore(url, { schema })
    const { claim } = await create(store, 's')
    onTestFinished(store.onCommit(() => {}))
    await next(store, hint => hint.sessionId === undefined)
    await store.commit(commit(claim, 2))
    const mailed = next(store, hint => hint.about === 'mail')
    const written = next(store, hint => hint.about === undefined)
    // After the first look, which only learns what is there.
    await vi.waitFor(
      async () => {
        await rawly(
          url,
          schema,
          `INSERT INTO letters (id, session, body, expires_at)
             SELECT gen_random_uuid()::text, session, '{}', now() + interval '1 minute' FROM heads;
           INSERT INTO log SELECT nextval('positions'), session, messages, false, crc, body FROM log LIMIT 1`,
        )
        expect(await Promise.race([Promise.all([mailed, written]), pause(1500, undefined)])).not.toBe(undefined)
      },
      { timeout: 10_000 },
    )
    expect(await Promise.all([mailed, written])).toEqual([{ about: 'mail' }, {}])
  })

  test('come again after the connection was lost', async () => {
    const url = (await postgresServer()).url()
    const schema = freshSchema()
    const store = await openStore(url, { schema })
    const other = await openStore(url, { schema, applicationName: `deaf ${schema}` })
    onTestFinished(other.onCommit(() => {}))
    await next(other, hint => hint.sessionId === undefined)
    const { claim } = await create(store, 's')
    const again = next(other, hint => hint.sessionId === undefined)
    await rawly(
      url,
      schema,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'deaf ${schema}'`,
    )
    await again
    const committed = next(other, hint => hint.sessionId === S)
    await store.commit(commit(claim, 2))
    expect(await committed).toEqual({ sessionId: S })
  })
})
