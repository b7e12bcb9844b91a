/** A real PostgreSQL whose disk is full: a tablespace on a small file system holds everything but its log. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createRuntime } from '../../src/index.ts'
import { postgres } from '../../src/store/postgres/index.ts'
import { scriptedExecutor } from '../../src/testing/index.ts'
import { commit, create, failure, record, sessionId } from '../../src/testing/store-contract/kit.ts'
import { freshSchema, newPostgresServer, rawly } from '../support/postgres.ts'

const S = sessionId('s')
const FULL = { code: 'store-unavailable', retryable: true, details: { sqlState: '53100', outcome: 'none' } }

const run = (command: string, ...args: string[]): void => void execFileSync(command, args, { stdio: 'pipe' })

/** A database on a disk of 48 MB, and the way to make that larger. */
async function smallDisk(): Promise<{ readonly url: string; readonly grow: () => void }> {
  const disk = mkdtempSync(join(tmpdir(), 'meerkat-disk-'))
  run('mount', '-t', 'tmpfs', '-o', 'size=48m,mode=755', 'tmpfs', disk)
  onTestFinished(() => {
    run('umount', disk)
    rmSync(disk, { recursive: true })
  })
  const server = await newPostgresServer()
  // Before the disk is taken away: what comes last here is done first.
  onTestFinished(() => server.stop('immediate'))
  run('chown', 'postgres', disk)
  await rawly(server.url(), 'public', `CREATE TABLESPACE small LOCATION '${disk}'`)
  await rawly(server.url(), 'public', 'CREATE DATABASE small TABLESPACE small')
  return { url: server.url('small'), grow: () => run('mount', '-o', 'remount,size=256m', disk) }
}

/** What can't be made smaller by compressing it. */
const noise = (): string => randomBytes(200_000).toString('base64')

test.skipIf(!mayMount())(
  'a full disk fails commits by name and takes nothing back (needs the right to mount one)',
  {
    timeout: 60_000,
  },
  async () => {
    const { url, grow } = await smallDisk()
    const source = postgres(url, { schema: freshSchema() })
    const store = await source.open()
    onTestFinished(() => store.close())
    await using runtime = await createRuntime({ store: source, executor: scriptedExecutor(() => 'ok') })
    await runtime.open({ sessionId: 'served' })

    const { claim } = await create(store, 's')
    const taken: number[] = [1]
    const fill = async (at: number): ReturnType<typeof failure> => {
      const long = record(at, { events: [{ type: 'x', data: { text: noise() } }] })
      const error = await failure(store.commit(commit(claim, at, { record: long })))
      if (error === undefined) taken.push(at)
      return error ?? (await fill(at + 1))
    }
    const error = await fill(2)
    expect(error).toMatchObject(FULL)
    expect(error?.message).toMatch(/has no disk space left; nothing was written: free some space and retry/)
    expect(taken.length).toBeGreaterThan(10)
    const input = { content: noise(), idempotencyKey: 'k' }
    expect(await failure(runtime.send('served', input))).toMatchObject(FULL)
    expect((await runtime.inputs('served', {})).items).toEqual([])
    const atsOf = async (): Promise<number[]> => (await store.load(S)).rows.map(row => row.record.at)
    expect(await atsOf()).toEqual(taken)

    grow()
    await store.commit(commit(claim, 1_000))
    expect(await atsOf()).toEqual([...taken, 1_000])
    expect(await runtime.send('served', { ...input, waitMs: 20_000 })).toMatchObject({
      outcome: 'accepted',
      status: 'consumed',
    })
    expect(runtime.health()).toMatchObject({ status: 'ok' })
    expect(await runtime.audit('served')).toMatchObject({ ok: true })
    expect((await store.inspect()).filter(({ level }) => level === 'error')).toEqual([])
  },
)

function mayMount(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0
}
