/** A store that fails when a test says so, in the ways of real stores. */
import { defined } from '../defined.ts'
import { MeerkatError } from '../errors.ts'
import { aBoolean, aFunction, aStoreSource, checkArgument, checkOptions, type Fields, optional } from '../options.ts'
import type { Commit, Store, StoreSource } from '../store/store.ts'

/** The faults; a test may change them while it runs. */
export interface FaultyStoreControl {
  /**
   * Called at every commit, with its number from 1. `before`: it fails and was not written. `after`: it was written and
   * its acknowledgement is lost. A promise delays the commit until it is settled.
   */
  onCommit?: (n: number, commit: Commit) => 'before' | 'after' | Promise<unknown> | undefined
  /** Whether reads fail too. */
  readsFail?: boolean
}

const CONTROL: Fields<FaultyStoreControl> = { onCommit: optional(aFunction), readsFail: optional(aBoolean) }

/** The source with faults. Every store it opens counts its own commits. */
export function faultyStore(source: StoreSource, control: FaultyStoreControl): StoreSource {
  checkArgument('faultyStore', 'source', source, aStoreSource)
  checkOptions('faultyStore', control, CONTROL)
  return { name: source.name, open: async () => faulty(await source.open(), control) }
}

function unavailable(what: string): MeerkatError {
  return new MeerkatError('store-unavailable', `an injected fault: ${what}`)
}

function faulty(store: Store, control: FaultyStoreControl): Store {
  let commits = 0
  const reading = <Args extends readonly unknown[], T>(read: (...args: Args) => Promise<T>) => {
    return async (...args: Args): Promise<T> => {
      if (control.readsFail === true) throw unavailable('the store does not answer')
      return read(...args)
    }
  }
  return {
    name: store.name,
    ...defined({ identity: store.identity }),
    get trouble() {
      return store.trouble
    },
    leaseMs: store.leaseMs,
    mail: store.mail,
    registry: store.registry,
    create: (session, first, owner) => store.create(session, first, owner),
    claim: reading((sessionId, owner) => store.claim(sessionId, owner)),
    release: claim => store.release(claim),
    current: reading(claims => store.current(claims)),
    onLapse: listener => store.onLapse(listener),
    load: reading(sessionId => store.load(sessionId)),
    async commit(commit) {
      commits++
      const fault = control.onCommit?.(commits, commit)
      if (fault === 'before') throw unavailable('the commit was not written')
      if (fault !== 'after') {
        await fault
        return store.commit(commit)
      }
      await store.commit(commit)
      throw unavailable('the commit was written, and its acknowledgement lost')
    },
    session: reading(sessionId => store.session(sessionId)),
    sessions: reading(query => store.sessions(query)),
    read: reading(query => store.read(query)),
    readBack: reading(query => store.readBack(query)),
    readMessages: reading(query => store.readMessages(query)),
    row: reading(position => store.row(position)),
    keepStreamed: (claim, streamed) => store.keepStreamed(claim, streamed),
    streamed: reading(sessionId => store.streamed(sessionId)),
    locate: reading(id => store.locate(id)),
    key: reading((sessionId, key) => store.key(sessionId, key)),
    index: reading(sessionId => store.index(sessionId)),
    blob: reading(digest => store.blob(digest)),
    tail: reading(() => store.tail()),
    amend: (claim, rows) => store.amend(claim, rows),
    remove: claim => store.remove(claim),
    compact: () => store.compact(),
    onCommit: listener => store.onCommit(listener),
    inspect: () => store.inspect(),
    close: () => store.close(),
  }
}
