/**
 * Writes a golden database, with sessions in every state that a store may be found in, made by this release. It is
 * committed once for each schema or record version, and opened by the tests from then on: `node scripts/golden.ts
 * test/golden/sqlite-v2.db`.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { createRuntime, type Runtime } from '../src/index.ts'
import { sqlite } from '../src/store/sqlite/index.ts'
import { type ScriptedExecutor, scriptedExecutor } from '../src/testing/index.ts'

const WAIT_MS = 10_000

/** A process that dies during a call, so that the call's outcome is unknown. */
async function lose(path: string): Promise<never> {
  const executor = scriptedExecutor()
  const runtime = await createRuntime({ store: sqlite(path), executor })
  await runtime.open({ sessionId: 'lost-call' })
  await runtime.send('lost-call', { content: 'pay the bill', idempotencyKey: 'bill-1' })
  await (await executor.next()).ask([{ id: 'pay-1', tool: 'pay', policy: 'ask', args: { amount: 5 } }])
  process.kill(process.pid, 'SIGKILL')
  throw new Error('unreachable')
}

async function answered(runtime: Runtime, executor: ScriptedExecutor): Promise<void> {
  await runtime.open({ sessionId: 'answered', title: 'Two turns', labels: { team: 'ops' } })
  await runtime.send('answered', { content: 'hello', idempotencyKey: 'hello-1' })
  ;(await executor.next()).answer('hello to you')
  const { inputId } = await runtime.send('answered', { content: 'look at the disk' })
  const run = await executor.next()
  await run.ask([{ id: 'look-1', tool: 'look', policy: 'retry', args: { disk: 'a' } }], 'I look.')
  await runtime.send('answered', { content: 'the second one', mode: 'steer' })
  await run.outcome('look-1', '90 % full')
  await run.boundary()
  run.answer('It is nearly full.', { usage: { inputTokens: 10, outputTokens: 5 } })
  await runtime.wait('answered', inputId, WAIT_MS)
}

async function ended(runtime: Runtime): Promise<void> {
  for (const operation of ['stop', 'retire', 'destroy'] as const) {
    const id = `${operation}-session`
    await runtime.open({ sessionId: id })
    await runtime.control(id, operation)
  }
}

async function waiting(runtime: Runtime, executor: ScriptedExecutor): Promise<void> {
  await runtime.open({ sessionId: 'approval' })
  await runtime.send('approval', { content: 'delete it all' })
  const run = await executor.next()
  await run.ask([{ id: 'delete-1', tool: 'delete', policy: 'fail', needsApproval: true, args: { path: '/tmp/x' } }])
  run.end({ type: 'parked' })
  await runtime.open({ sessionId: 'queued', merge: true })
  const { inputId } = await runtime.send('queued', { content: 'first' })
  await runtime.send('queued', { content: 'second' })
  await runtime.send('queued', { content: 'newest', mode: 'supersede', supersessionKey: 'k' })
  ;(await executor.next()).throw(new Error('the first attempt fails'))
  await runtime.fork('answered', { newSessionId: 'forked', atMessage: 2 })
  await runtime.input('queued', { inputId })
}

async function write(path: string): Promise<void> {
  if (existsSync(path)) throw new Error(`${path} exists: a golden database never changes`)
  spawnSync(process.execPath, [fileURLToPath(import.meta.url), '--lose', path], { stdio: 'inherit' })
  const executor = scriptedExecutor()
  const runtime = await createRuntime({ store: sqlite(path), executor, abortGraceMs: 1 })
  await answered(runtime, executor)
  await ended(runtime)
  await waiting(runtime, executor)
  await runtime.close()
  const db = new DatabaseSync(path)
  db.exec('PRAGMA journal_mode = DELETE; VACUUM')
  db.close()
  for (const end of ['-wal', '-shm']) rmSync(`${path}${end}`, { force: true })
}

const [first = '', second] = process.argv.slice(2)
if (first === '--lose' && second !== undefined) await lose(second)
else await write(first)
process.exit(0)
