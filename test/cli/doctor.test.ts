import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Folder, holding, jsonLines } from './command.ts'

const demo = ['--model', 'demo/agent']

interface Finding {
  readonly level?: unknown
  readonly topic?: unknown
  readonly text?: unknown
}

/** What doctor found wrong, as `topic: text`. */
function errors(stdout: string): readonly string[] {
  const findings: readonly Finding[] = jsonLines(stdout)
  return findings.filter(({ level }) => level === 'error').map(({ topic, text }) => `${String(topic)}: ${String(text)}`)
}

describe('backup', () => {
  test('copies a store that a server has open, and overwrites nothing', async () => {
    using folder = new Folder()
    const server = folder.start(['serve', ...demo, '--port', '0', '--json'])
    await server.shows('"listening"')
    await folder.run('run', ...demo, '--session', 's', 'say hi')
    const made = await folder.run('backup', 'copy.db', '--json')
    expect(jsonLines(made.stdout)).toMatchObject([{ type: 'backup', path: folder.file('copy.db') }])
    expect((await folder.run('history', 's', '--store', 'sqlite:copy.db')).stdout).toContain('say hi')
    expect(await folder.run('backup', 'copy.db')).toMatchObject({ status: 4 })
    expect((await folder.run('doctor', '--json', '--store', 'sqlite:copy.db')).status).toBe(0)
  })
})

describe('doctor', () => {
  test('is content with a sound store', async () => {
    using folder = new Folder()
    await folder.run('run', ...demo, '--session', 's', 'say hi')
    const ended = await folder.run('doctor', '--json')
    expect(errors(ended.stdout)).toEqual([])
    expect(jsonLines(ended.stdout).at(-1)).toMatchObject({ type: 'result', ok: true })
    expect(ended).toMatchObject({ status: 0, stderr: '' })
  })

  test('finds a damaged record and the session it belongs to', async () => {
    using folder = new Folder()
    await folder.run('run', ...demo, '--session', 'hurt', 'say something that can be found again')
    const path = folder.file('.meerkat/meerkat.db')
    const bytes = readFileSync(path)
    const at = bytes.lastIndexOf('found again')
    expect(at).toBeGreaterThan(0)
    bytes.write('lost', at)
    writeFileSync(path, bytes)
    const ended = await folder.run('doctor', '--json')
    expect(errors(ended.stdout).join('\n')).toContain('hurt')
    expect(ended.status).toBe(1)
  })

  test('finds a store that is none', async () => {
    using folder = new Folder()
    writeFileSync(folder.file('x.db'), 'this is a text and not a database, whatever its name may be')
    const ended = await folder.run('doctor', '--store', 'sqlite:x.db', '--json')
    expect(errors(ended.stdout)).toHaveLength(1)
    expect(ended.status).toBe(1)
  })

  test('finds a broken config file, and goes on no further', async () => {
    using folder = new Folder()
    writeFileSync(folder.file('meerkat.config.json'), '{')
    const ended = await folder.run('doctor', '--json')
    expect(errors(ended.stdout).join('\n')).toContain('meerkat.config.json')
    expect(ended.status).toBe(1)
  })

  test('names keys that are set and never shows one', async () => {
    using folder = new Folder()
    const env = { OPENAI_API_KEY: 'sk-very-secret', ANTHROPIC_API_KEY: ' ' }
    const ended = await folder.start(['doctor'], { env }).ended
    expect(ended.stdout).toContain('OPENAI_API_KEY')
    expect(ended.stdout).not.toContain('ANTHROPIC_API_KEY')
    expect(ended.stdout).not.toContain('sk-very-secret')
  })

  test('asks a model that is named, and only then', async () => {
    using folder = new Folder()
    const answering = await folder.run('doctor', ...demo, '--json')
    const found = jsonLines(answering.stdout).find(({ topic }) => topic === 'model')
    expect(found).toMatchObject({ level: 'ok', text: holding('answers') })
    const silent = await folder.run('doctor', '-m', 'compatible/x', '--base-url', 'http://127.0.0.1:9/v1', '--json')
    expect(errors(silent.stdout).join('\n')).toMatch(/^model: .*127\.0\.0\.1:9/)
    expect(silent.status).toBe(1)
    const keyless = await folder.run('doctor', '-m', 'openai/gpt-5.6', '--json')
    expect(errors(keyless.stdout).join('\n')).toMatch(/^model: .*OPENAI_API_KEY/)
  })

  test('sees the server that holds the store', async () => {
    using folder = new Folder()
    const server = folder.start(['serve', ...demo, '--port', '0'])
    const url = await server.shows(/(http:\/\/\S+)/)
    expect((await folder.run('doctor')).stdout).toContain(`process ${server.pid} serves this store on ${url}`)
    server.kill('SIGKILL')
    await server.ended
    expect(existsSync(folder.file('.meerkat/meerkat.db.server.json'))).toBe(true)
    expect((await folder.run('doctor')).stdout).toContain('left over and ignored')
  })
})
