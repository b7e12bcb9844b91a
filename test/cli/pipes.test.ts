// What people see when stdin is left open, nobody reads stdout any more, or the disk is full.
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { BUILT, Folder, holding, jsonLines } from './command.ts'

const demo = ['--model', 'demo/agent']

/** The command with the given ends of its streams; what it says on stderr, and how it ends. */
async function ended(
  folder: Folder,
  args: readonly string[],
  stdio: readonly ['ignore' | 'pipe' | number, 'ignore' | 'pipe' | number],
): Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(process.execPath, [BUILT, ...args], {
    cwd: folder.path,
    env: { PATH: process.env['PATH'], HOME: folder.path },
    stdio: [...stdio, 'pipe'],
  })
  const said = { stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (said.stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said.stderr += text))
  const { promise, resolve } = Promise.withResolvers<number | null>()
  child.once('close', code => resolve(code))
  return { status: await promise, ...said }
}

describe('stdin that somebody holds open and never writes', () => {
  test('a pipe does not hold a command that has its prompt, and the command says so', async () => {
    using folder = new Folder()
    spawnSync('mkfifo', [folder.file('fifo')])
    const held = openSync(folder.file('fifo'), 'r+')
    try {
      const { status, stdout, stderr } = await ended(folder, ['run', ...demo, 'say done'], [held, 'pipe'])
      expect({ status, stdout }).toEqual({ status: 0, stdout: 'done\n' })
      expect(stderr).toContain('nothing came from stdin within 3 s')
    } finally {
      closeSync(held)
    }
  })

  test('where the pipe is to bring the prompt, the command says what it waits for', async () => {
    using folder = new Folder()
    const running = folder.start(['run', ...demo], { keepInputOpen: true })
    await running.warns('reading stdin until it ends')
    running.type('say heard')
    running.endInput()
    expect(await running.ended).toMatchObject({ status: 0, stdout: 'heard\n' })
  })
})

describe('stdout that nobody reads', () => {
  test.for([['--help'], ['--version'], ['sessions'], ['op'], ['doctor'], ['events', '--json']])(
    '%s ends quietly and well',
    async words => {
      using folder = new Folder()
      const running = folder.start(words)
      running.stopReading()
      expect(await running.ended).toMatchObject({ status: 0, stderr: '' })
    },
  )

  test('what was asked is finished all the same, and its status told', async () => {
    using folder = new Folder()
    const running = folder.start(['run', ...demo, '--session', 's', '--json', 'take 3 steps and say finished'])
    await running.shows('"input.accepted"')
    running.stopReading()
    expect(await running.ended).toMatchObject({ status: 0, stderr: '' })
    const { stdout } = await folder.run('op', 'input/list', '{"sessionId":"s"}', '--json')
    expect(jsonLines(stdout)).toMatchObject([{ inputs: [{ status: 'consumed' }] }])
  })

  test('an input that fails fails the command, whoever listens', async () => {
    using folder = new Folder()
    const running = folder.start(['run', ...demo, '--json', '--max-run-ms', '300', 'count to 1000 slowly'])
    await running.shows('"input.accepted"')
    running.stopReading()
    expect(await running.ended).toMatchObject({ status: 1 })
  })
})

describe.runIf(process.platform === 'linux')('output on a full disk', () => {
  test.for([
    ['sessions', '--json'],
    ['run', ...demo, 'say lost'],
  ])('%s says so in one line and fails', async words => {
    using folder = new Folder()
    await folder.run('run', ...demo, 'say first')
    const full = openSync('/dev/full', 'w')
    try {
      const { status, stderr } = await ended(folder, words, ['ignore', full])
      expect(status).toBe(1)
      expect(stderr).toMatch(/^meerkat: the output can't be written: ENOSPC: [^\n]+\n$/)
    } finally {
      closeSync(full)
    }
  })

  test('a server goes on serving', async () => {
    using folder = new Folder()
    const full = openSync('/dev/full', 'w')
    const child = spawn(process.execPath, [BUILT, 'serve', '--port', '0'], {
      cwd: folder.path,
      env: { PATH: process.env['PATH'], HOME: folder.path },
      stdio: ['ignore', full, 'pipe'],
    })
    closeSync(full)
    const { promise, resolve } = Promise.withResolvers<string>()
    child.stderr?.setEncoding('utf8').on('data', resolve)
    const left = Promise.withResolvers<number | null>()
    child.once('close', code => left.resolve(code))
    try {
      expect(await promise).toContain("the output can't be written")
      const sessions = await folder.run('sessions', '--json')
      expect(sessions).toMatchObject({ status: 0, stderr: '' })
      const info = await folder.run('op', 'runtime/health', '--json')
      expect(info.stdout).toEqual(holding('"status":"ok"'))
    } finally {
      child.kill('SIGTERM')
      expect(await left.promise).toBe(0)
    }
  })
})
