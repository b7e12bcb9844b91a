/** Imports a session into a SQLite file, and is killed at its third commit. */
import { readFileSync } from 'node:fs'
import { importSession } from '../../src/session/transfer/import.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import type { Store } from '../../src/store/store.ts'

const [path = '', from = ''] = process.argv.slice(2)
const store = await sqlite(path).open()
let commits = 0
const dying: Store = new Proxy(store, {
  get: (target, key) => {
    const value: unknown = Reflect.get(target, key, target)
    if (typeof value !== 'function') return value
    return async (...given: unknown[]): Promise<unknown> => {
      if (key === 'commit' && ++commits === 3) process.kill(process.pid, 'SIGKILL')
      return Reflect.apply(value, target, given)
    }
  },
})
await importSession(dying, readFileSync(from, 'utf8').trimEnd().split('\n'), { owner: 'importer' })
