/** The same cases against every surface: what one takes, answers or refuses, all do. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MeerkatError } from '../../src/errors.ts'
import { operationNamed, operationNames } from '../../src/surfaces/operations.ts'
import { type OpenSurface, surfaces } from './support/surfaces.ts'

const deep = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels))

const refused: readonly [what: string, name: string, params: unknown, code: string, path?: string][] = [
  ['an unknown operation', 'session/opn', {}, 'unknown-operation'],
  ['a name from the prototype', 'constructor/name', {}, 'unknown-operation'],
  ['an unknown key', 'session/get', { sessionId: 'a', surprise: 1 }, 'invalid-params', 'surprise'],
  ['an unknown key further in', 'session/open', { budget: { maxCoins: 1 } }, 'invalid-params', 'budget.maxCoins'],
  [
    'a key that reaches a prototype',
    'session/open',
    JSON.parse('{"labels":{"__proto__":"x"}}'),
    'invalid-params',
    'labels.__proto__',
  ],
  ['a missing field', 'session/get', {}, 'invalid-params', 'sessionId'],
  ['a wrong type', 'session/get', { sessionId: 7 }, 'invalid-params', 'sessionId'],
  ['parameters by position', 'session/get', ['a'], 'invalid-params', ''],
  ['an empty id', 'session/get', { sessionId: '' }, 'invalid-params', 'sessionId'],
  ['an endless id', 'session/get', { sessionId: 'x'.repeat(201) }, 'invalid-params', 'sessionId'],
  ['an id with a line break', 'session/open', { sessionId: 'a\nb' }, 'invalid-params', 'sessionId'],
  ['empty content', 'input/send', { sessionId: 'known', content: '' }, 'invalid-params', 'content'],
  ['no parts', 'input/send', { sessionId: 'known', content: [] }, 'invalid-params', 'content'],
  ['content that is neither', 'input/send', { sessionId: 'known', content: 3 }, 'invalid-params', 'content'],
  [
    'a part of no type',
    'input/send',
    { sessionId: 'known', content: [{ type: 'smell' }] },
    'invalid-params',
    'content.0.type',
  ],
  [
    'a part without text',
    'input/send',
    { sessionId: 'known', content: [{ type: 'text' }] },
    'invalid-params',
    'content.0.text',
  ],
  [
    'a key too many in a part',
    'input/send',
    { sessionId: 'known', content: [{ type: 'text', text: 'a', b: 1 }] },
    'invalid-params',
    'content.0.b',
  ],
  [
    'content nested too deep',
    'input/send',
    { sessionId: 'known', content: [{ type: 'json', value: deep(70) }] },
    'invalid-params',
  ],
  ['an unknown mode', 'input/send', { sessionId: 'known', content: 'a', mode: 'shout' }, 'invalid-params', 'mode'],
  [
    'superseding nothing',
    'input/send',
    { sessionId: 'known', content: 'a', mode: 'supersede' },
    'invalid-params',
    'supersessionKey',
  ],
  ['waiting too long', 'input/send', { sessionId: 'known', content: 'a', waitMs: 600_001 }, 'invalid-params', 'waitMs'],
  ['a limit of nothing', 'session/list', { limit: 0 }, 'invalid-params', 'limit'],
  ['a limit beyond bounds', 'session/list', { limit: 1001 }, 'invalid-params', 'limit'],
  ['half a limit', 'session/list', { limit: 1.5 }, 'invalid-params', 'limit'],
  ['an input by nothing', 'input/get', { sessionId: 'known' }, 'invalid-params', 'inputId'],
  ['cancelling at no time', 'run/cancel', { sessionId: 'known' }, 'invalid-params', 'when'],
  ['an unknown session', 'session/get', { sessionId: 'nobody' }, 'session-not-found'],
  ['an unknown input', 'input/get', { sessionId: 'known', inputId: 'none' }, 'input-not-found'],
  ['an unknown run', 'run/get', { sessionId: 'known', runId: 'none' }, 'run-not-found'],
  ['other options', 'session/open', { sessionId: 'known', title: 'Another' }, 'session-conflict'],
  [
    'what the kernel rejects',
    'call/resolve',
    { sessionId: 'known', callId: 'call-1', resolution: 'failed' },
    'rejected',
  ],
  ['a busy runtime', 'input/send', { sessionId: 'known', content: 'busy' }, 'overloaded'],
]

/** At least one call of each operation, in an order in which they work. */
const answered: readonly [name: string, params: Record<string, unknown>, expected: unknown][] = [
  ['runtime/info', {}, { name: 'meerkat-ts', protocol: 1 }],
  ['runtime/health', {}, { status: 'ok' }],
  ['session/open', { sessionId: 'known' }, { session: { id: 'known', phase: 'idle' } }],
  [
    'session/open',
    { title: 'T', labels: { team: 'ops' }, budget: { maxTurns: 3 } },
    { session: { title: 'T', labels: { team: 'ops' } } },
  ],
  ['session/get', { sessionId: 'known' }, { session: { id: 'known' } }],
  ['session/update', { sessionId: 'known', title: 'T', system: null }, { session: { title: 'T', revision: 2 } }],
  ['session/list', { limit: 1 }, { sessions: [{ id: 'known' }], next: 'known' }],
  ['session/list', { after: 'known', phase: 'idle', label: 'team=ops' }, { sessions: [{ title: 'T' }] }],
  [
    'input/send',
    { sessionId: 'known', content: 'hello', idempotencyKey: 'k' },
    { outcome: 'accepted', inputId: 'input-1' },
  ],
  [
    'input/send',
    { sessionId: 'known', content: 'hello', idempotencyKey: 'k' },
    { outcome: 'deduplicated', inputId: 'input-1' },
  ],
  [
    'input/send',
    {
      sessionId: 'known',
      content: [
        { type: 'json', value: deep(20) },
        { type: 'text', text: 'x' },
      ],
      waitMs: 1000,
    },
    { status: 'consumed' },
  ],
  [
    'input/send',
    { sessionId: 'known', content: 'hold', waitMs: 1 },
    { outcome: 'accepted', inputId: 'input-3', status: 'queued' },
  ],
  [
    'input/wait',
    { sessionId: 'known', inputId: 'input-1', waitMs: 1000 },
    { status: 'consumed', result: { text: 'echo: "hello"' } },
  ],
  ['input/get', { sessionId: 'known', idempotencyKey: 'k' }, { input: { id: 'input-1', status: 'consumed' } }],
  ['input/list', { sessionId: 'known', status: 'queued' }, { inputs: [{ id: 'input-3' }] }],
  ['input/withdraw', { sessionId: 'known', inputId: 'input-3' }, { withdrawn: true, input: { status: 'withdrawn' } }],
  ['session/history', { sessionId: 'known', after: 0 }, { messages: [{ index: 1, role: 'user' }, { index: 2 }] }],
  ['session/explain', { sessionId: 'known' }, { waitingFor: [{ guard: 'hasQueuedWork', owner: 'caller' }] }],
  ['session/audit', { sessionId: 'known' }, { ok: true, steps: 3 }],
  [
    'session/fork',
    { sessionId: 'known', newSessionId: 'other' },
    { session: { id: 'other', forkOf: { sessionId: 'known' } } },
  ],
  ...['stop', 'resume', 'retire', 'reset', 'recycle', 'destroy'].map(
    (word): [string, Record<string, unknown>, unknown] => [
      `session/${word}`,
      { sessionId: 'known' },
      { sessionId: 'known', phase: word, inputsAbandoned: 1 },
    ],
  ),
  ['run/cancel', { sessionId: 'known', when: 'now', queue: 'drop' }, { cancelled: true, runId: 'run-1', dropped: 1 }],
  ['run/list', { sessionId: 'known' }, { runs: [{ id: 'run-1' }] }],
  ['run/get', { sessionId: 'known', runId: 'run-1' }, { run: { id: 'run-1' }, receipts: [{ boundary: 1 }] }],
  ['events/read', { sessionId: 'known', limit: 2 }, { events: [{ cursor: '1' }, { cursor: '3' }], cursor: '3' }],
  ['tool/list', { sessionId: 'known' }, { generation: 1, tools: [{ name: 'look' }] }],
  ['model/get', { sessionId: 'known' }, { source: 'baseline', identity: { provider: 'a', model: 'b' } }],
  ['model/set', { sessionId: 'known', model: 'a/c' }, { own: 'a/c' }],
  ['model/switch', { sessionId: 'known', model: 'a/c', turns: 2 }, { pending: { model: 'a/c', turns: 2 } }],
  ['tool/filter', { sessionId: 'known', allow: ['look'], deny: [] }, { revision: 2 }],
  ['tool/request', { sessionId: 'known', names: ['look'] }, { revision: 3 }],
  ['call/list', { sessionId: 'known', state: 'unknown' }, { calls: [{ id: 'call-1', state: 'unknown' }] }],
  [
    'call/resolve',
    { sessionId: 'known', callId: 'call-1', resolution: 'succeeded', output: 4 },
    { call: { output: 4 } },
  ],
  ['approval/list', { sessionId: 'known' }, { approvals: [{ id: 'call-1' }] }],
  [
    'approval/decide',
    { sessionId: 'known', approvalId: 'call-1', decision: 'deny', reason: 'no' },
    { call: { state: 'failed' } },
  ],
  [
    'schedule/create',
    { sessionId: 'known', content: 'water the plants', cron: '0 8 * * *', timeZone: 'Europe/Berlin' },
    { schedule: { content: 'water the plants', rule: { type: 'cron', timeZone: 'Europe/Berlin' } } },
  ],
  ['schedule/list', { sessionId: 'known' }, { schedules: [{ id: 'schedule-1' }] }],
  ['schedule/cancel', { sessionId: 'known', scheduleId: 'schedule-1' }, { cancelled: true }],
  ['blob/get', { sessionId: 'known', digest: `sha256:${'0'.repeat(64)}` }, { bytes: 3, data: 'AAAA' }],
  ['store/prune', { deltasAfterMs: 0, dryRun: true }, { dryRun: true, removed: 0 }],
  ['operation/list', { sessionId: 'known' }, { operations: [{ id: 'operation-1', status: 'running' }] }],
  ['operation/get', { sessionId: 'known', operationId: 'operation-1' }, { operation: { title: 'build #42' } }],
  [
    'operation/finish',
    { sessionId: 'known', operationId: 'operation-1', outcome: 'failed', error: 'no space left' },
    { operation: { status: 'failed', error: 'no space left' } },
  ],
  ['operation/cancel', { sessionId: 'known', operationId: 'operation-1' }, { operation: { status: 'cancelled' } }],
]

describe.each(surfaces)('$name', surface => {
  let open: OpenSurface
  beforeAll(async () => {
    open = await surface.open()
  })
  afterAll(() => open[Symbol.asyncDispose]())

  test('answers every operation with exactly what the table says', async () => {
    for (const [name, params, expected] of answered) {
      const result: unknown = JSON.parse(JSON.stringify(await open.call(name, params)))
      expect({ name, result }).toMatchObject({ name, result: expected })
      expect({ name, result: operationNamed(name).output.parse(result) }).toEqual({ name, result })
    }
    expect(new Set(answered.map(([name]) => name))).toEqual(new Set(operationNames))
  })

  test.each(refused)('refuses %s', async (_, name, params, code, path) => {
    const error: unknown = await open.call(name, params).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(MeerkatError)
    if (!(error instanceof MeerkatError)) return
    expect(error.code).toBe(code)
    expect(error.message).not.toContain('\n')
    if (code === 'invalid-params') expect(error.details?.['issues']).toMatchObject([path === undefined ? {} : { path }])
    if (code === 'overloaded') expect(error).toMatchObject({ retryable: true, details: { retryAfterMs: 1500 } })
    if (code === 'rejected') expect(error.details).toEqual({ kind: 'guard-rejected', reason: 'settled' })
  })

  test.each(operationNames)('%s refuses unknown keys', async name => {
    const error: unknown = await open.call(name, { surprise: true }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'invalid-params' })
    expect((error as MeerkatError).details?.['issues']).toContainEqual({
      path: 'surprise',
      message: 'is not a field of this operation',
    })
  })
})

// Called directly, a bug reaches the caller as it is; on a wire it is nobody's business.
describe.each(surfaces.filter(({ name }) => name !== 'direct'))('$name', surface => {
  test('tells nothing of a bug but an id', async () => {
    await using open = await surface.open()
    await open.call('session/open', { sessionId: 'known' })
    const error = (await open
      .call('input/send', { sessionId: 'known', content: 'boom' })
      .catch((thrown: unknown) => thrown)) as MeerkatError
    expect(error).toMatchObject({
      code: 'internal',
      details: { id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string },
    })
    expect(JSON.stringify([error.message, error.details])).not.toContain('hunter2')
  })
})
