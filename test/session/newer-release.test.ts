/** What a newer release wrote, before an older one: refused by its name, left alone, and not taken for damage. */
import { crc32 } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { stateOf } from '../../src/driver/load.ts'
import { createRuntime } from '../../src/index.ts'
import { encodeState } from '../../src/kernel/encode.ts'
import type { RunId, SessionId } from '../../src/kernel/ids.ts'
import type { MeerkatInput } from '../../src/kernel/inputs.ts'
import { diagnose } from '../../src/session/diagnose.ts'
import { type CommitRecord, RECORD_VERSION } from '../../src/store/records.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import { manualClock, scriptedExecutor } from '../../src/testing/index.ts'
import { rawly, rawRows } from '../store/support/files.ts'
import { codeOf, failureOf, freshPath, start } from './support.ts'

const S = 's' as SessionId
/** Kernel inputs of a release to come. */
const TOMORROW = { type: 'GrowWings', count: 2 } as unknown as MeerkatInput

/** A session that owes an input, with a record behind it that a newer release wrote. */
async function writtenByNewer(steps: readonly MeerkatInput[] = [TOMORROW]): Promise<string> {
  const path = freshPath()
  const source = sqlite(path)
  const runtime = await createRuntime({ store: source })
  await runtime.open({ sessionId: S })
  await runtime.send(S, { content: 'x' })
  await runtime.close()
  const store = await source.open()
  const { head } = await store.load(S)
  const claim = await store.claim(S, 'newer')
  const record: CommitRecord = { v: RECORD_VERSION, at: 2, steps, events: [{ type: 'wings.grown' }] }
  await store.commit({ claim, record, head: { ...head, commits: head.commits + 1 } })
  await store.close()
  return path
}

const NAMED = {
  code: 'unsupported',
  message: expect.stringMatching(
    /^record \d+ of session s was written by a newer release .*upgrade meerkat-ts/,
  ) as unknown,
}

test('a record with a kernel input that this release does not know is one of a newer release', async () => {
  const path = await writtenByNewer()
  const runtime = await start({ store: sqlite(path), executor: scriptedExecutor(() => 'ok') })
  const error = await failureOf(runtime.send(S, { content: 'y' }))
  expect(error).toMatchObject({ ...NAMED, details: { sessionId: S, input: 'GrowWings' } })
  expect(await failureOf(runtime.audit(S))).toMatchObject(NAMED)
  expect((await runtime.events({ sessionId: S, after: '0' })).events.at(-1)?.type).toBe('wings.grown')
  await runtime.open({ sessionId: 'other' })
  expect(await runtime.send('other', { content: 'y', waitMs: 10_000 })).toMatchObject({ status: 'consumed' })
})

test('a record with a known input that the kernel refuses is still damage', async () => {
  const path = await writtenByNewer([{ type: 'InterruptCurrentRun', runId: 'r' as RunId }])
  const runtime = await start({ store: sqlite(path) })
  expect((await failureOf(runtime.send(S, { content: 'y' }))).code).toBe('internal')
  expect(await runtime.audit(S)).toMatchObject({ ok: false })
})

test('its owed work waits for a newer process: it is tried once, not in circles', async () => {
  const path = await writtenByNewer()
  const clock = manualClock()
  const before = rawRows(path, 'SELECT token FROM heads')
  await start({ store: sqlite(path, { clock }), executor: scriptedExecutor(() => 'ok'), clock })
  for (let sweep = 0; sweep < 20; sweep++) {
    await clock.idle()
    clock.advance(1_000)
  }
  const tries = Number(rawRows(path, 'SELECT token FROM heads')[0]?.['token']) - Number(before[0]?.['token'])
  // A claim and its release.
  expect(tries).toBe(2)
})

test('the doctor says what to do', async () => {
  const store = await sqlite(await writtenByNewer()).open()
  onTestFinished(() => store.close())
  const texts = (await diagnose(store, 10)).map(({ text }) => text).join('\n')
  expect(texts).toMatch(/session s was written by a newer release/)
  expect((await store.inspect()).filter(({ level }) => level === 'error')).toEqual([])
})

test('so is a snapshot with a part that this release does not know, or of a newer version', async () => {
  for (const body of ['{"v":1,"wings":{"phase":"grown"}}', '{"v":9}']) {
    const path = await writtenByNewer([])
    const position = Number(rawRows(path, 'SELECT max(position) AS p FROM log')[0]?.['p'])
    rawly(
      path,
      'INSERT OR REPLACE INTO snapshots (session, position, crc, body) VALUES (1, ?, ?, ?)',
      position,
      crc32(body),
      body,
    )
    const runtime = await start({ store: sqlite(path) })
    const { code, message } = await failureOf(runtime.send(S, { content: 'y' }))
    expect(code).toBe('unsupported')
    expect(message).toMatch(/^the snapshot of session s was written by a newer release/)
    expect(await codeOf(runtime.close())).toBe(undefined)
  }
})

test('an input and a part that only earlier releases had are passed over', async () => {
  const gone = { type: 'AuthorizeDurableTailRecovery', candidateRunId: 'r' } as unknown as MeerkatInput
  const path = await writtenByNewer([gone])
  const store = await sqlite(path).open()
  const loaded = await store.load(S)
  const body = encodeState(await stateOf(loaded)).replace('{"v":1', '{"v":1,"tail":{"recovered":{"runId":"r"}}')
  await store.close()
  const serve = async (): Promise<void> => {
    const runtime = await start({ store: sqlite(path), executor: scriptedExecutor(() => 'ok') })
    expect(await runtime.send(S, { content: 'y', waitMs: 10_000 })).toMatchObject({ status: 'consumed' })
    expect(await runtime.audit(S)).toMatchObject({ ok: true })
    await runtime.close()
  }
  await serve()
  const position = loaded.rows.at(-1)?.position ?? 0
  rawly(
    path,
    'INSERT OR REPLACE INTO snapshots (session, position, crc, body) VALUES (1, ?, ?, ?)',
    position,
    crc32(body),
    body,
  )
  await serve()
})
