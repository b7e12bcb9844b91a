/** Creating sessions, and finding them again. */
import type { Claim } from '../../store/store.ts'
import { type Cases, codeOf, commit, create, head, inputId, record, sessionId, uuid } from './kit.ts'

export const sessionCases: Cases = {
  'a created session is there with its first record': async ({ store, expect }) => {
    const { claim, position } = await create(store, 's', {
      options: { title: 'T' },
      head: head({ unfinished: 1, commits: 1 }),
      at: 7,
    })
    expect(claim).toEqual({ sessionId: 's', owner: 'owner-1', token: claim.token })
    const facts = { phase: 'idle', unfinished: 1, messages: 0, commits: 1 }
    const session = { id: 's', createdAt: 7, options: { title: 'T' } }
    expect(await store.session(sessionId('s'))).toEqual({ ...session, ...facts, updatedAt: 7 })
    expect(await store.load(sessionId('s'))).toEqual({
      session,
      head: facts,
      rows: [{ position, sessionId: 's', record: record(7) }],
      journal: [],
    })
  },

  'a commit changes how its session is served, or nothing of it': async ({ store, open, expect }) => {
    const { claim } = await create(store, 's', { options: { title: 'old', labels: { a: '1', b: '2' } } })
    await create(store, 't', { options: { labels: { a: '1' } } })
    const session = {
      id: sessionId('s'),
      createdAt: 1,
      revision: 2,
      options: { system: 'new', labels: { b: '3', c: "d'd" } },
    }
    const labelled = async (key: string): Promise<string[]> =>
      (await (await open()).sessions({ limit: 9, label: { key } })).map(({ id }) => id)
    const stale = { ...claim, token: claim.token - 1 }
    expect(await codeOf(store.commit({ ...commit(stale, 2), session }))).toBe('not-owner')
    expect(await labelled('a')).toEqual(['s', 't'])
    expect((await store.load(session.id)).session.options.title).toBe('old')

    await store.commit({ ...commit(claim, 2), session })
    expect((await (await open()).load(session.id)).session).toEqual(session)
    expect(await (await open()).session(session.id)).toMatchObject(session)
    expect(await labelled('a')).toEqual(['t'])
    expect(await labelled('c')).toEqual(['s'])
    expect((await store.sessions({ limit: 9, label: { key: 'b', value: '3' } })).map(({ id }) => id)).toEqual(['s'])
    await store.commit({ ...commit(claim, 3), session: { ...session, revision: 3, options: {} } })
    expect(await labelled('c')).toEqual([])
  },

  'an id that exists is refused, and the first session stays as it was': async ({ store, expect }) => {
    await create(store, 's', { options: { title: 'first' } })
    expect(await codeOf(create(store, 's', { options: { title: 'second' }, owner: 'owner-2' }))).toBe(
      'session-conflict',
    )
    const [left, right] = [create(store, 't'), create(store, 't')].map(codeOf)
    expect([await left, await right]).toEqual([undefined, 'session-conflict'])
    expect(await store.session(sessionId('s'))).toMatchObject({ options: { title: 'first' } })
    expect((await store.read({ after: 0, limit: 10 })).length).toBe(2)
  },

  'a birth that fails leaves nothing, and may be tried again': async ({ store, open, expect }) => {
    const opened = [inputId(uuid(1))]
    await store.commit(commit((await create(store, 's')).claim, 2, { opened }))
    const session = { id: sessionId('t'), createdAt: 1, options: {} }
    const first = { record: record(1), head: head() }
    const other = await open()
    expect(await codeOf(other.create(session, { ...first, opened }, 'owner-2'))).toBe('conflict')
    expect(await store.session(session.id)).toBe(undefined)
    expect(await store.tail()).toBe(2)
    const { claim } = await other.create(session, first, 'owner-2')
    expect(await codeOf(store.claim(session.id, 'owner-1'))).toBe('not-owner')
    await other.commit(commit(claim, 2))
    expect((await store.load(session.id)).rows.length).toBe(2)
  },

  'a session that does not exist is not found': async ({ store, expect }) => {
    const id = sessionId('nobody')
    expect(await store.session(id)).toBe(undefined)
    expect(await codeOf(store.load(id))).toBe('session-not-found')
    expect(await codeOf(store.claim(id, 'owner-1'))).toBe('session-not-found')
    expect(await codeOf(store.commit(commit({ sessionId: id, owner: 'owner-1', token: 1 }, 1)))).toBe(
      'session-not-found',
    )
    await store.release({ sessionId: id, owner: 'owner-1', token: 1 })
    expect(await store.read({ sessionId: id, after: 0, limit: 5 })).toEqual([])
    expect(await store.readBack({ sessionId: id, limit: 5 })).toEqual([])
    expect(await store.readMessages({ sessionId: id, index: 0, limit: 5 })).toEqual([])
  },

  'a birth certificate comes back as it was given': async ({ store, expect }) => {
    const options = {
      title: 'naïve “quotes” \u0000 \ud83d\ude80 \\n',
      labels: { 'a.b': '1', 'with "quotes"': "it's" },
      budget: { maxTokens: 0 },
      mcpServers: [{ name: 'x', nested: [null, { deep: true }] }],
    }
    const session = { id: sessionId('ü-1'), createdAt: 3, options, forkOf: { sessionId: sessionId('s'), messages: 4 } }
    await store.create(session, { record: record(3), head: head() }, 'owner-1')
    expect((await store.load(session.id)).session).toEqual(session)
    expect(await store.session(session.id)).toMatchObject(session)
  },

  'names that a store may not tell apart are refused, and find nobody else’s': async ({ store, expect }) => {
    const { claim } = await create(store, 'a\ufffd')
    const kept = { key: 'k\ufffd', inputId: inputId(uuid(1)), digest: 'd' }
    await store.commit(commit(claim, 2, { keys: [kept], opened: [inputId('i\ufffd')] }))
    const tail = await store.tail()
    for (const odd of ['\ud800', '\udc00', '\0', '']) {
      const name = odd === '' ? 'x'.repeat(10_000) : odd
      expect(await codeOf(create(store, `a${name}`))).toBe('invalid-params')
      expect(await codeOf(store.commit(commit(claim, 3, { keys: [{ ...kept, key: `k${name}` }] })))).toBe(
        'invalid-params',
      )
      expect(await codeOf(store.commit(commit(claim, 3, { opened: [inputId(`i${name}`)] })))).toBe('invalid-params')
      if (odd === '') continue
      expect(await codeOf(store.session(sessionId(`a${odd}`)))).toBe('invalid-params')
      expect(await codeOf(store.load(sessionId(`a${odd}`)))).toBe('invalid-params')
      expect(await codeOf(store.claim(sessionId(`a${odd}`), 'owner-2'))).toBe('invalid-params')
      expect(await codeOf(store.read({ sessionId: sessionId(`a${odd}`), after: 0, limit: 1 }))).toBe('invalid-params')
      expect(await codeOf(store.key(claim.sessionId, `k${odd}`))).toBe('invalid-params')
      expect(await codeOf(store.locate(inputId(`i${odd}`)))).toBe('invalid-params')
    }
    expect(await store.tail()).toBe(tail)
    expect(await store.key(claim.sessionId, 'k\ufffd')).toEqual({ inputId: kept.inputId, digest: 'd' })
    await store.commit(commit(claim, 4))
  },

  'texts come back as they were, broken Unicode included': async ({ store, expect }) => {
    const text = 'half \ud800, its other half \udc00, nothing \0 and a whole \ud83d\ude80'
    const options = { title: text, labels: { team: text }, system: text }
    const id = sessionId('s')
    const input = { id: inputId(uuid(1)), at: 1, mode: 'queue', kind: 'prompt', content: text } as const
    const said = record(1, {
      inputs: [input],
      events: [{ type: 'notice', data: { [text]: text } }],
      messages: [{ role: 'assistant', content: [{ type: 'text', text }] }],
      messagesFrom: 0,
    })
    const first = { record: said, head: head({ messages: 1 }) }
    const { claim } = await store.create({ id, createdAt: 1, options }, first, 'owner-1')
    const message = { role: 'assistant', content: text } as const
    await store.commit(
      commit(claim, 2, {
        head: head({ messages: 1 }),
        journal: { put: [{ work: input.id, index: 0, message }] },
      }),
    )
    const loaded = await store.load(id)
    expect(loaded.session.options).toEqual(options)
    expect(loaded.rows[0]?.record).toEqual(said)
    expect(loaded.journal).toEqual([{ work: input.id, index: 0, message }])
    expect((await store.readMessages({ sessionId: id, index: 0, limit: 1 }))[0]?.record).toEqual(said)
    expect((await store.sessions({ limit: 1 }))[0]?.options).toEqual(options)
    expect((await store.sessions({ limit: 1, label: { key: 'team' } })).length).toBe(1)
  },

  'sessions are listed by id, in pages': async ({ store, expect }) => {
    for (const id of ['b', 'a', 'ä', '\ud83d\ude80', '\uff5e', 'B', 'c']) await create(store, id)
    const ids = async (query: Parameters<typeof store.sessions>[0]): Promise<string[]> =>
      (await store.sessions(query)).map(session => session.id)
    // By UTF-8 bytes: capitals first, and the rocket after everything in the basic plane.
    expect(await ids({ limit: 10 })).toEqual(['B', 'a', 'b', 'c', 'ä', '\uff5e', '\ud83d\ude80'])
    expect(await ids({ limit: 2 })).toEqual(['B', 'a'])
    expect(await ids({ limit: 2, after: sessionId('a') })).toEqual(['b', 'c'])
    expect(await ids({ limit: 9, after: sessionId('bb') })).toEqual(['c', 'ä', '\uff5e', '\ud83d\ude80'])
    expect(await ids({ limit: 9, after: sessionId('\ud83d\ude80') })).toEqual([])
    expect(await ids({ limit: 0 })).toEqual([])
  },

  'a list keeps what its filters ask for': async ({ store, expect }) => {
    await create(store, 'a', { options: { labels: { team: 'red' } }, head: head({ phase: 'running', unfinished: 2 }) })
    await create(store, 'b', { options: { labels: { team: 'blue', 'x."y': '' } } })
    await create(store, 'c', { head: head({ phase: 'stopped', unfinished: 1 }) })
    const ids = async (filter: object): Promise<string[]> =>
      (await store.sessions({ limit: 10, ...filter })).map(session => session.id)
    expect(await ids({ phase: 'running' })).toEqual(['a'])
    expect(await ids({ owed: true })).toEqual(['a', 'c'])
    expect(await ids({ owed: false })).toEqual(['a', 'b', 'c'])
    expect(await ids({ owed: true, phase: 'stopped' })).toEqual(['c'])
    expect(await ids({ label: { key: 'team' } })).toEqual(['a', 'b'])
    expect(await ids({ label: { key: 'team', value: 'blue' } })).toEqual(['b'])
    expect(await ids({ label: { key: 'x."y', value: '' } })).toEqual(['b'])
    expect(await ids({ label: { key: 'toString' } })).toEqual([])
    expect(await ids({ label: { key: 'team' }, owed: true, after: sessionId('a') })).toEqual([])
  },

  'a list shows each session as of its last commit': async ({ store, expect }) => {
    const { claim } = await create(store, 's', { head: head({ unfinished: 1 }) })
    await store.commit(commit(claim, 9, { head: head({ phase: 'retired', messages: 3, commits: 9e15 }) }))
    const facts = { phase: 'retired', unfinished: 0, messages: 3, commits: 9e15, updatedAt: 9 }
    expect((await store.sessions({ limit: 5 }))[0]).toMatchObject(facts)
    expect(await store.sessions({ limit: 5, owed: true })).toEqual([])
  },

  'when its earliest timer is due is known while there is one': async ({ store, open, expect }) => {
    const { claim } = await create(store, 's', { head: head({ dueAt: 5e12 }) })
    const other = await open()
    const due = async (): Promise<unknown[]> => [
      (await store.session(sessionId('s')))?.dueAt,
      (await other.load(sessionId('s'))).head.dueAt,
      (await other.sessions({ limit: 1 }))[0]?.dueAt,
    ]
    expect(await due()).toEqual([5e12, 5e12, 5e12])
    await store.commit(commit(claim, 2, { head: head({ dueAt: 0 }) }))
    expect(await due()).toEqual([0, 0, 0])
    await store.commit(commit(claim, 3))
    expect(Object.hasOwn((await store.load(sessionId('s'))).head, 'dueAt')).toBe(false)
    expect(await due()).toEqual([undefined, undefined, undefined])
  },

  'a list of those that nobody holds has what somebody must take up': async ({ store, open, expect }) => {
    const other = await open()
    const owing = { a: { unfinished: 1 }, b: { dueAt: 50 }, c: { dueAt: 51 }, d: {}, e: { unfinished: 2, dueAt: 99 } }
    const claims = new Map<string, Claim>()
    for (const [id, facts] of Object.entries(owing)) {
      claims.set(id, (await create(store, id, { owner: 'a', head: head(facts) })).claim)
    }
    const unheld = async (query: object = {}): Promise<string[]> =>
      (await other.sessions({ limit: 9, unheld: { dueBy: 50 }, ...query })).map(({ id }) => id)
    expect(await unheld()).toEqual([])
    for (const id of ['a', 'b', 'c', 'd']) await store.release(claims.get(id) as Claim)
    expect(await unheld()).toEqual(['a', 'b'])
    expect(await unheld({ unheld: { dueBy: 51 } })).toEqual(['a', 'b', 'c'])
    expect(await unheld({ unheld: { dueBy: 51 }, limit: 1, after: sessionId('a') })).toEqual(['b'])
    expect(await unheld({ owed: true })).toEqual(['a'])
    expect(await unheld({ phase: 'running' })).toEqual([])
    await other.claim(sessionId('a'), 'b')
    expect(await unheld()).toEqual(['b'])
    await store.close()
    expect(await unheld()).toEqual(['b', 'e'])
  },
}
