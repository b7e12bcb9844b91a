/** Letters to the owner of a session, and the hints about them. */
import type { Letter, LetterId } from '../../store/mail.ts'
import type { Hint, Store } from '../../store/store.ts'
import { type Cases, codeOf, create, head, sessionId } from './kit.ts'

const [S, T] = [sessionId('s'), sessionId('t')]
const LONG_MS = 600_000

const letterId = (text: string): LetterId => text as LetterId

function letter(id: string, to = S, body = `{"id":"${id}"}`): Letter {
  return { id: letterId(id), sessionId: to, body }
}

async function idsFor(store: Store, owner: string, limit = 100): Promise<string[]> {
  return (await store.mail.open(owner, limit)).map(({ id }) => id)
}

/** Gives the letters one after the other. */
async function post(store: Store, ...letters: readonly Letter[]): Promise<void> {
  for (const each of letters) await store.mail.post(each, LONG_MS)
}

/** Calls `look` at every hint that may be about this, until it answers a result. */
async function onHint(
  store: Store,
  about: NonNullable<Hint['about']>,
  look: () => Promise<boolean>,
  cause: () => Promise<void>,
): Promise<void> {
  const found = Promise.withResolvers<void>()
  const stop = store.onCommit(hint => {
    const mayBe = (hint.sessionId ?? S) === S && (hint.about ?? about) === about
    if (mayBe) look().then(wanted => wanted && found.resolve(), found.reject)
  })
  try {
    await cause()
    await found.promise
  } finally {
    stop()
  }
}

export const mailCases: Cases = {
  'a letter reaches the owner of its session, whole and oldest first': async ({ store, open, expect }) => {
    await create(store, 's', { owner: 'a' })
    await create(store, 't', { owner: 'a' })
    await create(store, 'u', { owner: 'b' })
    const sender = await open()
    const letters = [letter('3'), letter('1', T), letter('2', S, '{"text":"ü \\u0000 🚀 \'\\\\\'"}')]
    await post(sender, ...letters, letter('4', sessionId('u')))
    expect(await store.mail.open('a', 100)).toEqual(letters)
    expect(await idsFor(sender, 'a')).toEqual(['3', '1', '2'])
    expect(await idsFor(store, 'a', 2)).toEqual(['3', '1'])
    expect(await idsFor(store, 'b')).toEqual(['4'])
    expect(await idsFor(store, 'nobody')).toEqual([])
    expect(await idsFor(store, 'a')).toEqual(['3', '1', '2'])
  },

  'a letter to a session that does not exist is refused': async ({ store, expect }) => {
    expect(await codeOf(store.mail.post(letter('1', sessionId('nobody')), LONG_MS))).toBe('session-not-found')
    await create(store, 's', { owner: 'a' })
    await post(store, letter('1'))
    expect(await idsFor(store, 'a')).toEqual(['1'])
  },

  'a letter waits for the next owner': async ({ store, open, expect }) => {
    const { claim } = await create(store, 's', { owner: 'a' })
    const other = await open()
    await post(other, letter('1'))
    await store.release(claim)
    await post(other, letter('2'))
    expect([await idsFor(store, 'a'), await idsFor(other, 'b')]).toEqual([[], []])
    await other.claim(S, 'b')
    expect([await idsFor(store, 'a'), await idsFor(other, 'b')]).toEqual([[], ['1', '2']])
    await other.close()
    await store.claim(S, 'c')
    expect(await idsFor(store, 'c')).toEqual(['1', '2'])
  },

  'an answer reaches the sender once, and ends the letter': async ({ store, open, expect }) => {
    await create(store, 's', { owner: 'a' })
    const sender = await open()
    await post(sender, letter('1'), letter('2'))
    expect(await sender.mail.take(letterId('1'))).toBe(undefined)
    await store.mail.answer(letterId('1'), '{"done":"ü 🚀"}')
    expect(await idsFor(store, 'a')).toEqual(['2'])
    expect(await sender.mail.take(letterId('1'))).toBe('{"done":"ü 🚀"}')
    expect(await sender.mail.take(letterId('1'))).toBe(undefined)
    expect(await idsFor(store, 'a')).toEqual(['2'])
  },

  'the first answer stands': async ({ store, open, expect }) => {
    await create(store, 's', { owner: 'a' })
    const other = await open()
    await post(store, letter('1'))
    await store.mail.answer(letterId('1'), '1')
    await other.mail.answer(letterId('1'), '2')
    expect(await store.mail.take(letterId('1'))).toBe('1')
    await store.mail.answer(letterId('1'), '3')
    expect(await store.mail.take(letterId('1'))).toBe(undefined)
  },

  'an answer outlives the owner that gave it and the store that asked': async ({ store, open, expect }) => {
    const [owner, sender] = [await open(), await open()]
    await create(owner, 's', { owner: 'a' })
    await post(sender, letter('1'))
    await owner.mail.answer(letterId('1'), '1')
    await owner.close()
    await sender.close()
    expect(await store.mail.take(letterId('1'))).toBe('1')
  },

  'posting the same id again changes nothing': async ({ store, expect }) => {
    await create(store, 's', { owner: 'a' })
    await create(store, 't', { owner: 'b' })
    await post(store, letter('1', S, '"first"'), letter('1', S, '"second"'), letter('1', T))
    expect(await store.mail.open('a', 9)).toEqual([letter('1', S, '"first"')])
    expect(await idsFor(store, 'b')).toEqual([])
    await store.mail.answer(letterId('1'), '1')
    await post(store, letter('1'))
    expect(await idsFor(store, 'a')).toEqual([])
    expect(await store.mail.take(letterId('1'))).toBe('1')
  },

  'a letter whose time is over is not delivered; who has read it may still answer': async ({ store, expect }) => {
    await create(store, 's', { owner: 'a' })
    await store.mail.post(letter('1'), 0)
    await store.mail.post(letter('2'), LONG_MS)
    expect(await idsFor(store, 'a')).toEqual(['2'])
    await store.mail.answer(letterId('1'), '1')
    expect(await store.mail.take(letterId('1'))).toBe('1')
  },

  'a letter can be taken back until it is answered': async ({ store, open, expect }) => {
    await create(store, 's', { owner: 'a' })
    const sender = await open()
    await post(sender, letter('1'), letter('2'), letter('3'))
    expect(await sender.mail.recall(letterId('1'))).toBe(true)
    expect(await sender.mail.recall(letterId('1'))).toBe(false)
    expect(await idsFor(store, 'a')).toEqual(['2', '3'])
    await store.mail.answer(letterId('1'), '1')
    expect(await sender.mail.take(letterId('1'))).toBe(undefined)
    await store.mail.answer(letterId('2'), '2')
    expect(await sender.mail.recall(letterId('2'))).toBe(false)
    expect(await sender.mail.take(letterId('2'))).toBe('2')
    const [recalled] = await Promise.all([sender.mail.recall(letterId('3')), store.mail.answer(letterId('3'), '3')])
    // Either the sender got the letter back and there is no answer, or it is answered.
    expect(await sender.mail.take(letterId('3'))).toBe(recalled ? undefined : '3')
  },

  'a hint tells the owner of a letter, and the sender of the answer': async ({ store, open, expect }) => {
    await create(store, 's', { owner: 'a' })
    const sender = await open()
    for (const [number, from] of [sender, store].entries()) {
      const [id, body] = [letterId(`${number}`), `${number}`]
      const isThere = async (): Promise<boolean> => (await idsFor(store, 'a')).includes(id)
      await onHint(store, 'mail', isThere, () => post(from, letter(id)))
      let answer: string | undefined
      const isAnswered = async (): Promise<boolean> => (answer ??= await from.mail.take(id)) !== undefined
      await onHint(from, 'mail', isAnswered, () => store.mail.answer(id, body))
      expect(answer).toBe(body)
    }
  },

  'a hint tells of a session that is let go while it owes something': async ({ store, open, expect }) => {
    const { claim } = await create(store, 's', { owner: 'a', head: head({ unfinished: 1 }) })
    const other = await open()
    for (const listening of [other, store]) {
      const current = await store.claim(S, 'a')
      const isFree = async (): Promise<boolean> =>
        (await listening.sessions({ limit: 9, unheld: { dueBy: 0 } })).length === 1
      await onHint(listening, 'free', isFree, () => store.release(current))
    }
    expect((await other.claim(S, 'b')).token).toBeGreaterThan(claim.token)
  },
}
