/** Sessions to carry from one store into another, and processes that die meanwhile. */
import type { CoreExecutor } from '../../src/executor/executor.ts'
import { exportSession } from '../../src/session/transfer/export.ts'
import { importSession } from '../../src/session/transfer/import.ts'
import type { Content } from '../../src/store/records.ts'
import type { Store, StoreSource } from '../../src/store/store.ts'
import { start } from './support.ts'

const FILE: Content = [{ type: 'file', mediaType: 'text/plain', data: Buffer.alloc(5_000, 'a').toString('base64') }]

/** Answers `done` and counts what it was asked. */
export function counter() {
  const runs: string[] = []
  const executor: CoreExecutor = {
    name: 'counter',
    apply: async port => {
      runs.push(...port.inputs.map(({ id }) => id))
      return { type: 'completed', message: { role: 'assistant', content: 'done' } }
    },
  }
  return { executor, runs }
}

/** A store with a session of three answered inputs, one with a key, one with a file, and one that waits. */
export async function filled(source: StoreSource, second = 'three'): Promise<void> {
  const { executor } = counter()
  const answering = await start({ store: source, executor })
  await answering.open({ sessionId: 's', title: 'Kept' })
  await answering.send('s', { content: 'one', idempotencyKey: 'k1', waitMs: 10_000 })
  await answering.send('s', { content: FILE, waitMs: 10_000 })
  await answering.send('s', { content: second, waitMs: 10_000 })
  await answering.close()
  const admitting = await start({ store: source })
  await admitting.send('s', { content: 'four', idempotencyKey: 'k4' })
  await admitting.close()
}

export async function linesOf(source: StoreSource, id = 's'): Promise<readonly string[]> {
  const store = await source.open()
  try {
    return await Array.fromAsync(exportSession(store, id))
  } finally {
    await store.close()
  }
}

export async function imported(source: StoreSource, lines: readonly string[], as?: string) {
  const store = await source.open()
  try {
    return await importSession(store, lines, { owner: 'importer', ...(as !== undefined && { as }) })
  } finally {
    await store.close()
  }
}

/** Stops, as if the process had died, when `name` is called. */
export function dyingAt(store: Store, name: keyof Store): Store {
  return new Proxy(store, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key, target)
      if (key === name) return () => Promise.reject(new Error('the process died'))
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}
