/** Snapshots and journals, listeners, closing and opening again. */
import type { SessionId } from '../../kernel/ids.ts'
import type { MessageRecord } from '../../store/records.ts'
import { type Cases, codeOf, commit, commitMany, create, inputId, sessionId, uuid } from './kit.ts'

const ID = sessionId('s')
const [WORK, OTHER_WORK] = [inputId(uuid(1)), inputId(uuid(2))]
const message = (content: string): MessageRecord => ({ role: 'assistant', content })

export const lifecycleCases: Cases = {
  'a load starts at the newest snapshot': async ({ store, expect }) => {
    const { claim } = await create(store, 's')
    await commitMany(store, claim, 2, 3)
    const first = await store.commit(commit(claim, 5, { snapshot: 'state-1' }))
    expect(await store.load(ID)).toMatchObject({ snapshot: { position: first, state: 'state-1' }, rows: [] })
    await commitMany(store, claim, 6, 2)
    expect((await store.load(ID)).rows.map(row => row.record.at)).toEqual([6, 7])
    const second = await store.commit(commit(claim, 8, { snapshot: 'st\u00e4te-2 \ud83d\ude80' }))
    await store.commit(commit(claim, 9))
    const loaded = await store.load(ID)
    expect(loaded.snapshot).toEqual({ position: second, state: 'st\u00e4te-2 \ud83d\ude80' })
    expect(loaded.rows.map(row => row.record.at)).toEqual([9])
  },

  'a journal keeps the messages of unfinished work': async ({ store, expect }) => {
    const { claim } = await create(store, 's')
    const put = [1, 0, 10, 2].map(index => ({ work: WORK, index, message: message(`m${index}`) }))
    await store.commit(commit(claim, 2, { journal: { put } }))
    await store.commit(
      commit(claim, 3, { journal: { put: [{ work: OTHER_WORK, index: 0, message: message('other') }] } }),
    )
    await store.commit(commit(claim, 4, { journal: { put: [{ work: WORK, index: 2, message: message('again') }] } }))
    const of = async (work: string): Promise<unknown[]> =>
      (await store.load(ID)).journal
        .filter(entry => entry.work === work)
        .map(entry => [entry.index, entry.message.content])
    expect(await of(WORK)).toEqual([
      [0, 'm0'],
      [1, 'm1'],
      [2, 'again'],
      [10, 'm10'],
    ])
    await store.commit(commit(claim, 5, { journal: { drop: [WORK] } }))
    expect(await of(WORK)).toEqual([])
    expect(await of(OTHER_WORK)).toEqual([[0, 'other']])
  },

  'work that is dropped and begun anew in one commit keeps the new': async ({ store, expect }) => {
    const { claim } = await create(store, 's')
    const entry = (index: number, text: string): { work: typeof WORK; index: number; message: MessageRecord } => ({
      work: WORK,
      index,
      message: message(text),
    })
    await store.commit(commit(claim, 2, { journal: { put: [entry(0, 'old'), entry(1, 'old')] } }))
    await store.commit(commit(claim, 3, { journal: { drop: [WORK], put: [entry(0, 'new')] } }))
    expect((await store.load(ID)).journal).toEqual([entry(0, 'new')])
    const again = await store.claim(ID, 'owner-1')
    await store.commit(commit(again, 4, { journal: { drop: [WORK] } }))
    expect((await store.load(ID)).journal).toEqual([])
  },

  'listeners hear of commits until they stop': async ({ store, expect }) => {
    const heard: (SessionId | undefined)[] = []
    const hear = (hint: { readonly sessionId?: SessionId }): void => void heard.push(hint.sessionId)
    const stop = store.onCommit(hear)
    const { claim } = await create(store, 's')
    expect(heard.includes(ID)).toBe(true)
    stop()
    stop()
    heard.length = 0
    await store.commit(commit(claim, 2))
    expect(heard).toEqual([])
  },

  'a commit through another store of the same data is heard': async ({ store, open, expect }) => {
    const other = await open()
    const { promise, resolve } = Promise.withResolvers<void>()
    const stop = other.onCommit(() => resolve())
    const { position } = await create(store, 's')
    await promise
    stop()
    expect(await other.tail()).toBe(position)
  },

  'what was committed is there when the data are opened again': async ({ store, open, expect }) => {
    const { claim } = await create(store, 's', { options: { title: 'T' } })
    const keys = [{ key: 'k', inputId: WORK, digest: 'd' }]
    const last = await store.commit(commit(claim, 2, { opened: [WORK], keys, snapshot: 'state' }))
    const before = { loaded: await store.load(ID), rows: await store.read({ after: 0, limit: 9 }) }
    await store.close()
    const again = await open()
    expect({ loaded: await again.load(ID), rows: await again.read({ after: 0, limit: 9 }) }).toEqual(before)
    expect(await again.locate(WORK)).toEqual({ sessionId: 's', first: last })
    expect(await again.key(ID, 'k')).toEqual({ inputId: WORK, digest: 'd' })
    const next = await again.commit(commit(await again.claim(ID, 'owner-2'), 3))
    expect(next).toBeGreaterThan(last)
  },

  'a commit that was given before closing is answered': async ({ store, open, expect }) => {
    const { claim } = await create(store, 's')
    const [position] = await Promise.all([store.commit(commit(claim, 2)), store.close()])
    expect((await (await open()).row(position))?.record.at).toBe(2)
  },

  'a closed store says so': async ({ store, expect }) => {
    const { claim } = await create(store, 's')
    await store.close()
    await store.close()
    expect(await codeOf(store.commit(commit(claim, 2)))).toBe('store-unavailable')
    expect(await codeOf(store.tail())).toBe('store-unavailable')
    expect(await codeOf(store.load(ID))).toBe('store-unavailable')
    expect(await codeOf(create(store, 't'))).toBe('store-unavailable')
  },

  'a sound store has no errors to report': async ({ store, expect }) => {
    const { claim } = await create(store, 's')
    await commitMany(store, claim, 2, 100)
    const findings = await store.inspect()
    expect(findings.filter(finding => finding.level === 'error')).toEqual([])
    expect(findings.length).toBeGreaterThan(0)
  },
}
