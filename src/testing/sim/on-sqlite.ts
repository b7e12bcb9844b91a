/**
 * A simulation on a real SQLite file, whose processes can be killed: writes that wait for their transaction are lost, an
 * open transaction is rolled back, and the claims last until their lease expires.
 */
import { aWord, checkArgument } from '../../options.ts'
import type { OpenSqlDriver, SqlDriver, SqlStatement } from '../../store/sqlite/driver.ts'
import { openNodeSqlite } from '../../store/sqlite/driver.ts'
import { sqlite } from '../../store/sqlite/index.ts'
import type { Store } from '../../store/store.ts'
import type { SimulationOptions } from './options.ts'
import { LEASE_MS } from './process.ts'

/** Options that play one simulation on the file at `path`, which must not exist. */
export function onSqlite(path: string): Required<Pick<SimulationOptions, 'store' | 'kill'>> {
  checkArgument('onSqlite', 'path', path, aWord)
  const connections = new WeakMap<Store, Connection>()
  return {
    store: clock => ({
      name: 'sqlite:',
      open: async () => {
        const connection = new Connection()
        const store = await sqlite(path, { clock, leaseMs: LEASE_MS, driver: connection.open }).open()
        connections.set(store, connection)
        return store
      },
    }),
    kill: store => connections.get(store)?.cut(),
  }
}

/** A connection to the file that can be cut off as by the end of its process. */
class Connection {
  #driver: SqlDriver | undefined
  #isCut = false

  readonly open: OpenSqlDriver = (path, options) => {
    const driver = openNodeSqlite(path, options)
    this.#driver = driver
    const alive = (): SqlDriver => {
      if (this.#isCut) throw new Error('the process of this connection was killed')
      return driver
    }
    return {
      get isTransaction() {
        return alive().isTransaction
      },
      prepare: sql => (sql === WATCHED ? UNCHANGED : guarded(alive().prepare(sql), alive)),
      exec: sql => alive().exec(sql),
      close: () => alive().close(),
    }
  }

  cut(): void {
    this.#isCut = true
    this.#driver?.close()
  }
}

/** The statement that polls for other connections' commits. It depends on real time, so here it never reports any. */
const WATCHED = 'PRAGMA data_version'
const UNCHANGED: SqlStatement = { run: never, get: () => ({ data_version: 0 }), all: () => [] }

function never(): never {
  throw new Error('this only reads')
}

function guarded(statement: SqlStatement, alive: () => SqlDriver): SqlStatement {
  const asked = (): SqlStatement => {
    alive()
    return statement
  }
  return {
    run: (...values) => asked().run(...values),
    get: (...values) => asked().get(...values),
    all: (...values) => asked().all(...values),
  }
}
