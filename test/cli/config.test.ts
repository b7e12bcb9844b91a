// Everything that a program can set, set for the command line.
import { writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Folder, holding, jsonLines } from './command.ts'

const MINE = `export default {
  executor: {
    name: 'mine',
    apply: async port => ({ type: 'completed', message: { role: 'assistant', content: 'mine: ' + port.session.title } }),
  },
}`

function withConfig(folder: Folder, text: string, name = 'meerkat.config.js'): void {
  writeFileSync(folder.file('package.json'), '{"type":"module"}')
  writeFileSync(folder.file(name), text)
}

describe('a config file', () => {
  test('may say everything that createRuntime, agent and serve take', async () => {
    using folder = new Folder()
    withConfig(
      folder,
      `export default {
        model: 'demo/agent', budget: { maxTurns: 2 }, retries: 0, retryDelayMs: 1, maxRetryDelayMs: 1,
        streamStallMs: 1000, firstContentMs: 1000, callTimeoutMs: 1000, toolTimeoutMs: 1000, compaction: false,
        settings: {}, abortGraceMs: 100, keepIdle: 10, idleMs: 100, recoverEveryMs: 1000, recover: true,
        retention: { deltasAfterMs: 1000 }, observer: { runEnded: fact => console.error('observed', fact.outcome) },
        allowedHosts: ['meerkat.example'], allowedOrigins: ['https://console.example'], logLevel: 'silent',
        maxBodyBytes: 1000, heartbeatMs: 1000, requestTimeoutMs: 1000, graceMs: 100, port: 0,
      }`,
    )
    const ended = await folder.run('run', 'take 5 steps')
    expect(ended).toMatchObject({ status: 1, stderr: holding('observed failed') })
    const server = folder.start(['serve'])
    const url = await server.shows(/on (http:\S+)/)
    const call = async (headers: Record<string, string>, body = '{}'): Promise<number> =>
      (
        await fetch(`${url}/v1/runtime/info`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body,
        })
      ).status
    expect(await call({ origin: 'https://console.example' })).toBe(200)
    expect(await call({ origin: 'https://other.example' })).toBe(403)
    expect(await call({}, ' '.repeat(2000))).toBe(413)
    server.kill('SIGTERM')
    expect((await server.ended).status).toBe(0)
  })

  test('may bring an executor of its own, which needs no model', async () => {
    using folder = new Folder()
    withConfig(folder, MINE)
    await folder.run('op', 'session/open', '{"sessionId":"s","title":"t"}')
    expect(await folder.run('run', '--session', 's', 'x')).toEqual({ status: 0, stdout: 'mine: t\n', stderr: '' })
  })

  test.for([
    ['retrys: 3', 'retrys'],
    ['budget: { tokens: 1 }', 'tokens'],
    ['retention: { days: 1 }', 'days'],
    ['retries: -1', 'retries'],
    ['retries: Number.NaN', 'retries'],
    ['port: 1e9', 'port'],
    ['callTimeoutMs: Infinity', 'callTimeoutMs'],
    ['executor: {}', 'executor'],
    ['executor: { apply() {} }, retries: 2', 'retries'],
    ['observer: 5', 'observer'],
    ['authorize: true', 'authorize'],
    ['allowedHosts: ["http://x"]', 'allowedHosts'],
    ['allowedOrigins: ["*"]', 'allowedOrigins'],
    ['logLevel: "loud"', 'logLevel'],
    ['["__proto__"]: 1', '__proto__'],
    ['keepAlive: true', 'keepAlive'],
  ])('with %s is refused by name', async ([text, name]) => {
    using folder = new Folder()
    withConfig(folder, `export default { ${text} }`)
    const ended = await folder.run('sessions')
    expect(ended).toMatchObject({ status: 2, stdout: '', stderr: holding(String(name)) })
    expect(ended.stderr.trim().split('\n')).toHaveLength(1)
  })
})

test('serve answers pages of the origins and for the hosts that its flags name', async () => {
  using folder = new Folder()
  const server = folder.start([
    'serve',
    '--json',
    '--port',
    '0',
    '--allow-origin',
    'https://a.example,https://b.example',
    '--allow-host',
    'meerkat.example',
  ])
  await server.shows('listening')
  server.kill('SIGTERM')
  const [{ url }] = jsonLines((await server.ended).stdout) as [{ url: string }]
  expect(url).toMatch(/^http:/)
})

describe('hostile flags and variables are refused by name', () => {
  test.for([
    ['--port', 'NaN'],
    ['--port', '-1'],
    ['--port', '1e3'],
    ['--port', ''],
    ['--max-run-ms', '0'],
    ['--max-run-ms', '99999999999999999999'],
    ['--base-url', '__proto__'],
    ['--model', ''],
    ['--store', '__proto__:x'],
    ['--log-level', 'constructor'],
    ['--allow-origin', 'https://a.example/path'],
    ['--allow-host', 'a b'],
    ['--drain-ms', 'Infinity'],
  ])('%s %j', async ([flag = '', value = '']) => {
    using folder = new Folder()
    const command = flag === '--max-run-ms' || flag === '--base-url' ? 'run' : 'serve'
    const ended = await folder.run(command, ...(command === 'run' ? ['x', '--no-stdin'] : []), `${flag}=${value}`)
    expect(ended.status).toBe(2)
    expect(ended.stderr.trim().split('\n')).toHaveLength(1)
    const variable = `MEERKAT_${flag.slice(2).replaceAll('-', '_').toUpperCase()}`
    if (value === '' || flag === '--drain-ms' || flag === '--store') return
    const env = { [variable]: value }
    const words = command === 'run' ? ['run', 'x', '--no-stdin'] : ['serve']
    expect(await folder.start(words, { env }).ended).toMatchObject({ status: 2, stderr: holding(variable) })
  })
})
