import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { Folder, jsonLines, matching } from './command.ts'

/** Every failure is one line: what is wrong and what to do. */
function expectOneLine(stderr: string, words: RegExp): void {
  expect(stderr).toMatch(/^meerkat: [^\n]+\n$/)
  expect(stderr).toMatch(words)
  expect(stderr).not.toMatch(/\n\s+at /)
}

interface Failure {
  readonly when: string
  readonly args: readonly string[]
  readonly status: number
  readonly says: RegExp
  readonly env?: Readonly<Record<string, string>>
}

const demo = ['--model', 'demo/agent']

const CALLED_WRONGLY: readonly Failure[] = [
  { when: 'a command does not exist', args: ['rum'], status: 2, says: /unknown command 'rum' - did you mean run\?/ },
  { when: 'a flag does not exist', args: ['run', '--modle', 'x'], status: 2, says: /--modle.*did you mean --model\?/ },
  { when: 'a flag has no value', args: ['sessions', '--limit'], status: 2, says: /meerkat sessions --help/ },
  { when: 'an argument is missing', args: ['history'], status: 2, says: /session.*meerkat history --help/ },
  { when: 'an argument is too much', args: ['audit', 'a', 'b'], status: 2, says: /too many arguments/ },
  { when: 'there is no prompt', args: ['run', ...demo], status: 2, says: /no prompt.*meerkat run/ },
  { when: 'no model is set', args: ['run', 'hi'], status: 2, says: /--model.*MEERKAT_MODEL.*demo\/agent/ },
  { when: 'a model has no provider', args: ['run', '-m', 'gpt', 'hi'], status: 2, says: /provider\/model/ },
  { when: 'a port is no number', args: ['serve', '--port', 'http'], status: 2, says: /--port.*whole number.*"http"/ },
  { when: 'a port is too large', args: ['serve', '--port', '70000'], status: 2, says: /--port.*65535/ },
  { when: 'a variable is no number', args: ['serve'], env: { MEERKAT_PORT: 'x' }, status: 2, says: /MEERKAT_PORT/ },
  { when: 'a deadline is zero', args: ['run', ...demo, '--max-run-ms', '0', 'hi'], status: 2, says: /--max-run-ms/ },
  { when: 'a limit is no number', args: ['sessions', '--limit', 'all'], status: 2, says: /--limit.*"all"/ },
  { when: 'an address is none', args: ['run', ...demo, '--base-url', 'here', 'hi'], status: 2, says: /--base-url/ },
  { when: 'two flags exclude each other', args: ['cancel', 's', '--now', '--boundary'], status: 2, says: /--now/ },
  { when: 'a store is of no known kind', args: ['sessions', '--store', 'a.db'], status: 2, says: /sqlite:PATH/ },
  { when: 'a schema is no JSON', args: ['run', ...demo, '--output-schema', '{', 'hi'], status: 2, says: /JSON/ },
  {
    when: 'a schema file is missing',
    args: ['run', ...demo, '--output-schema', 'no.json', 'hi'],
    status: 2,
    says: /no\.json/,
  },
  { when: 'a tool is not known', args: ['run', ...demo, '--tools', 'saw', 'hi'], status: 2, says: /saw.*calculator/ },
  { when: 'a tool file is missing', args: ['run', ...demo, '--tools', './t.ts', 'hi'], status: 2, says: /t\.ts/ },
  { when: 'an operation is not known', args: ['op', 'session/gt'], status: 2, says: /session\/gt.*session\/get/ },
  {
    when: "an operation's parameters are wrong",
    args: ['op', 'session/get', '{"id":1}'],
    status: 2,
    says: /sessionId is missing/,
  },
  { when: "an operation's parameters are no JSON", args: ['op', 'session/get', '{'], status: 2, says: /JSON/ },
  { when: 'a cursor is none', args: ['events', '--after', 'zz'], status: 2, says: /zz.*cursor/ },
]

const REFUSED: readonly Failure[] = [
  {
    when: 'a session does not exist',
    args: ['history', 'nope'],
    status: 3,
    says: /no session nope: `meerkat sessions`/,
  },
  { when: 'a session to explain does not exist', args: ['explain', 'nope'], status: 3, says: /no session nope/ },
  {
    when: 'a session to send to does not exist',
    args: ['send', 'nope', 'hi', ...demo],
    status: 3,
    says: /no session nope/,
  },
  { when: 'a session to follow does not exist', args: ['events', 'nope', '-f'], status: 3, says: /no session nope/ },
  {
    when: 'a key is missing',
    args: ['run', '-m', 'openai/gpt-5.6', 'hi'],
    status: 5,
    says: /OPENAI_API_KEY.*demo\/agent/,
  },
  {
    when: 'a provider is not installed',
    args: ['run', '-m', 'nosuch/model', 'hi'],
    status: 7,
    says: /npm i @ai-sdk\/nosuch/,
  },
  {
    when: 'no PostgreSQL server answers',
    args: ['sessions', '--store', 'postgres://me:secret@127.0.0.1:1/db'],
    status: 8,
    says: /^(?!.*secret).*postgres:\/\/127\.0\.0\.1:1\/db/,
  },
  {
    when: 'the PostgreSQL address is none',
    args: ['sessions', '--store', 'postgres:db'],
    status: 2,
    says: /postgres:\/\/USER@HOST\/DATABASE/,
  },
  {
    when: 'the folder of the store is a file',
    args: ['run', ...demo, '--store', 'sqlite:file/x.db', 'hi'],
    status: 8,
    says: /file.*writ/,
  },
  {
    when: 'the store is no database',
    args: ['run', ...demo, '--store', 'sqlite:file', 'hi'],
    status: 8,
    says: /not an SQLite database/,
  },
  {
    when: 'a server is not there',
    args: ['sessions', '--url', 'http://127.0.0.1:9'],
    status: 8,
    says: /127\.0\.0\.1:9/,
  },
  {
    when: 'the model fails',
    args: ['run', ...demo, 'fail'],
    status: 1,
    says: /the run failed: .*you asked me to fail/,
  },
  {
    when: 'the run takes too long',
    args: ['run', ...demo, '--max-run-ms', '200', 'wait 60 s'],
    status: 1,
    says: /maxRunMs|longer/,
  },
]

describe('a failure is one line and an exit status', () => {
  test.each([...CALLED_WRONGLY, ...REFUSED])('$when', async ({ args, env = {}, status, says }) => {
    using folder = new Folder()
    writeFileSync(folder.file('file'), 'this is a text and not a database, whatever its name may be')
    const ended = await folder.start(args, { env }).ended
    expectOneLine(ended.stderr, says)
    expect(ended).toMatchObject({ status, stdout: '' })
  })

  test('a model server that is not there', async () => {
    using folder = new Folder()
    const port = await freePort()
    const ended = await folder.run('run', '-m', 'compatible/llama', '--base-url', `http://127.0.0.1:${port}/v1`, 'hi')
    expectOneLine(ended.stderr, /127\.0\.0\.1/)
    expect(ended.status).toBe(1)
  })

  test('a port that is taken', async () => {
    using folder = new Folder()
    const server = createServer()
    const port = await new Promise<number>(resolve => {
      server.listen(0, '127.0.0.1', () => resolve(portOf(server)))
    })
    const ended = await folder.run('serve', ...demo, '--port', String(port))
    server.close()
    expectOneLine(ended.stderr, /is taken.*--port/)
    expect(ended.status).toBe(4)
  })

  test('a server for other machines without a token', async () => {
    using folder = new Folder()
    const ended = await folder.run('serve', ...demo, '--host', '0.0.0.0', '--port', '0')
    expectOneLine(ended.stderr, /--token/)
    expect(ended.status).toBe(2)
  })
})

describe('with --json', () => {
  test('a failure is the error body on one line of stderr', async () => {
    using folder = new Folder()
    const ended = await folder.run('explain', 'nope', '--json')
    expect(jsonLines(ended.stderr)).toEqual([
      { code: 'session-not-found', message: matching(/^/), retryable: false, details: { sessionId: 'nope' } },
    ])
    expect(ended).toMatchObject({ status: 3, stdout: '' })
  })

  test('a command that could not be parsed still answers in JSON', async () => {
    using folder = new Folder()
    const ended = await folder.run('sessions', '--wat', '--json')
    expect(jsonLines(ended.stderr)).toMatchObject([{ code: 'invalid-params' }])
    expect(ended.status).toBe(2)
  })
})

test('a stack shows with MEERKAT_DEBUG=1', async () => {
  using folder = new Folder()
  const ended = await folder.start(['history', 'nope'], { env: { MEERKAT_DEBUG: '1' } }).ended
  expect(ended.stderr).toMatch(/\n\s+at /)
  expect(ended.status).toBe(3)
})

test('looking leaves nothing behind', async () => {
  using folder = new Folder()
  const { readdirSync } = await import('node:fs')
  await folder.run('sessions')
  await folder.run('doctor')
  expect(readdirSync(folder.path)).toEqual([])
})

function portOf(server: ReturnType<typeof createServer>): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** A port where nothing listens. */
async function freePort(): Promise<number> {
  const server = createServer()
  const port = await new Promise<number>(resolve => {
    server.listen(0, '127.0.0.1', () => resolve(portOf(server)))
  })
  await new Promise<void>(resolve => {
    server.close(() => resolve())
  })
  return port
}
