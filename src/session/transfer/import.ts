/**
 * Makes a session from the lines of an export. Every line is checked, and every record is replayed through the
 * kernel, before the first one is written.
 *
 * 1. Until the last line has confirmed everything before it, lines are kept aside (`Spool`), and the store knows
 *    nothing of them.
 * 2. The importer claims the session until it is whole. No process sees, opens or runs it before.
 * 3. An import that can't be finished is removed again: at once or, where its process dies, by the next runtime that
 *    starts on the store or the next import.
 */

import { createHash } from 'node:crypto'
import { defined } from '../../defined.ts'
import { headOf } from '../../driver/head.ts'
import { asMeerkatError, MeerkatError } from '../../errors.ts'
import { messageOf } from '../../foreign.ts'
import { encodeState } from '../../kernel/encode.ts'
import type { SessionId } from '../../kernel/ids.ts'
import { unfinishedCount } from '../../kernel/regions/endings/table.ts'
import { entryOf } from '../../kernel/regions/ledger/state.ts'
import { demandName, MAX_ID_CHARS } from '../../names.ts'
import {
  aStore,
  aText,
  aWord,
  checkArgument,
  checkOptions,
  type Field,
  type Fields,
  isFunction,
  optional,
} from '../../options.ts'
import { digestOf, isReference } from '../../store/blobs.ts'
import { type CommitRecord, type MessagePart, RECORD_VERSION, type SessionRecord } from '../../store/records.ts'
import { type Blob, type Claim, type Commit, type JournalEntry, PARTIAL, type Store } from '../../store/store.ts'
import { upcast } from '../../store/upcast.ts'
import { nextTurn } from '../../turns.ts'
import { ARRIVED, clearAllRemains, clearRemains } from '../arrival.ts'
import { base64Of } from '../blobs.ts'
import {
  type BlobLine,
  badLine,
  type Counts,
  type EndLine,
  FORMAT_VERSION,
  type HeaderLine,
  parseLine,
  type RecordLine,
} from './format.ts'
import { Rerun } from './rerun.ts'
import { lineProblem } from './shapes.ts'
import { Spool } from './spool.ts'

export interface ImportOptions {
  /** Who claims the session during the import: a name that no other process uses. */
  readonly owner: string
  /** Another id for the session. Its inputs and runs keep their ids, so one store can't hold both sessions. */
  readonly as?: string
}

const IMPORT: Fields<ImportOptions> = { owner: aWord, as: optional(aText) }
const someLines: Field = {
  wanted: 'lines to iterate over',
  fits: value =>
    typeof value === 'object' &&
    value !== null &&
    (isFunction(Reflect.get(value, Symbol.asyncIterator)) || isFunction(Reflect.get(value, Symbol.iterator))),
}

export interface Imported extends Counts {
  readonly sessionId: SessionId
  readonly messages: number
  readonly unfinished: number
}

/** How many lines are processed in one turn of the event loop. */
const LINES_A_TURN = 32

type Lines = AsyncIterable<string> | Iterable<string>

/**
 * Makes a session from its export. `session-conflict` if the id exists, `conflict` if its inputs do; `invalid-params`
 * with `details.line` for a line that is wrong or missing; `unsupported` for an export of a newer release.
 */
export async function importSession(store: Store, lines: Lines, options: ImportOptions): Promise<Imported> {
  checkArgument('importSession', 'store', store, aStore)
  checkArgument('importSession', 'lines', lines, someLines)
  checkOptions('importSession', options, IMPORT)
  const { claim, ...imported } = await importClaimed(store, lines, options)
  await store.release(claim)
  return imported
}

/**
 * Imports and keeps the claim. With `wait` the session is complete but no process may run it until the caller
 * releases it.
 */
export async function importClaimed(
  store: Store,
  lines: Lines,
  options: ImportOptions & { readonly wait?: boolean },
): Promise<Imported & { readonly claim: Claim }> {
  if (options.as !== undefined) demandName(options.as, 'the new id of the session', MAX_ID_CHARS)
  await clearAllRemains(store, options.owner)
  const landing = new Landing(store, options)
  try {
    let taken = 0
    for await (const line of lines) {
      if (++taken % LINES_A_TURN === 0) await nextTurn()
      await landing.take(line)
    }
    return await landing.commit()
  } catch (error) {
    await landing.undo()
    throw asMeerkatError(error).code === 'conflict' ? idsTaken(error) : error
  } finally {
    await landing.close()
  }
}

/** The refusal where the store has inputs or runs of these ids, in any session. */
function idsTaken(cause: unknown): MeerkatError {
  const text =
    'inputs or runs of this export are in the store already, and an import keeps their ids: import it into another store'
  return new MeerkatError('conflict', text, { cause })
}

type Held = Omit<Commit, 'claim'>

class Landing {
  readonly #store: Store
  readonly #options: ImportOptions & { readonly wait?: boolean }
  readonly #hash = createHash('sha256')
  readonly #counts = { records: 0, blobs: 0, journal: 0 }
  readonly #journal: { readonly line: number; readonly entry: JournalEntry }[] = []
  #line = 0
  #header: HeaderLine | undefined
  #session: SessionRecord | undefined
  readonly #rerun = new Rerun()
  /** The files that records may refer to, with their sizes. */
  readonly #files = new Map<string, number>()
  /** The newest record, which is not written before the next one is read. */
  #held: Held | undefined
  #blobs: Blob[] = []
  /** Everything that is to be written, in order. */
  readonly #spool = new Spool()
  #claim: Claim | undefined
  #done = false

  constructor(store: Store, options: ImportOptions & { readonly wait?: boolean }) {
    this.#store = store
    this.#options = options
  }

  async take(text: string): Promise<void> {
    this.#line++
    if (this.#done) throw badLine(this.#line, 'stands behind the end')
    const line = parseLine(text, this.#line, lineProblem)
    if ((line.type === 'header') !== (this.#header === undefined))
      throw badLine(this.#line, line.type === 'header' ? 'is a second header' : 'stands before the header')
    if (line.type === 'end') return this.#end(line)
    this.#hash.update(text).update('\n')
    switch (line.type) {
      case 'header':
        return this.#begin(line)
      case 'blob':
        return this.#blob(line)
      case 'record':
        return this.#record(line)
      case 'journal': {
        const { type: _, ...entry } = line
        this.#demandFiles(entry.message)
        this.#journal.push({ line: this.#line, entry })
        this.#counts.journal++
      }
    }
  }

  /** Writes what was checked. */
  async commit(): Promise<Imported & { readonly claim: Claim }> {
    if (!this.#done || this.#session === undefined) {
      throw badLine(this.#line + 1, 'is missing: the export was cut off')
    }
    let claim: Claim | undefined
    for await (const line of this.#spool.lines()) {
      await nextTurn()
      claim = await this.#write(this.#session, heldIn(line))
    }
    if (claim === undefined) throw badLine(this.#line, 'ends less than the header promised')
    const { state } = this.#rerun
    const counts = { ...this.#counts, messages: state.transcript.length, unfinished: unfinishedCount(state) }
    return { sessionId: this.#session.id, ...counts, claim }
  }

  /** Removes everything that was written, as far as the store allows. */
  async undo(): Promise<void> {
    if (this.#claim !== undefined) await this.#store.remove(this.#claim).catch(() => {})
  }

  close(): Promise<void> {
    return this.#spool.close()
  }

  #begin(line: HeaderLine): void {
    const { version, session } = line
    if (version > FORMAT_VERSION) throw tooNew(this.#line, 'export', version, FORMAT_VERSION)
    const { id, createdAt, options, revision, forkOf } = session
    this.#header = line
    this.#session = {
      id: (this.#options.as ?? id) as SessionId,
      createdAt,
      options,
      ...defined({ revision }),
      ...(forkOf && { forkOf }),
    }
  }

  #blob({ digest, data }: BlobLine): void {
    const bytes = Buffer.from(data, 'base64')
    if (digestOf(bytes) !== digest) throw badLine(this.#line, `does not hold the file ${digest.slice(0, 100)}`)
    this.#blobs.push({ digest, data: bytes })
    this.#files.set(digest, bytes.length)
    this.#counts.blobs++
  }

  async #record({ record: given, opened, closed, keys }: RecordLine): Promise<void> {
    const version: number = given.v
    if (version > RECORD_VERSION) throw tooNew(this.#line, 'record', version, RECORD_VERSION)
    const record = upcast(this.#renamed(given))
    this.#demandFiles(...(record.inputs ?? []), ...(record.messages ?? []), ...(record.schedules ?? []))
    await this.#run(record, { ...(opened && { opened }), ...(closed && { closed }), ...(keys && { keys }) })
    const { phase: _, unfinished: __, dueAt: ___, ...facts } = headOf(this.#rerun.state, this.#counts.records + 1)
    if (this.#held !== undefined) await this.#keep(this.#held)
    this.#counts.records++
    this.#held = {
      record,
      head: { ...facts, ...UNDER_WAY },
      ...(opened && { opened }),
      ...(closed && { closed }),
      ...(keys && { keys }),
      ...(this.#blobs.length > 0 && { blobs: this.#blobs }),
    }
    this.#blobs = []
  }

  async #run(record: CommitRecord, indexes: Pick<RecordLine, 'opened' | 'closed' | 'keys'>): Promise<void> {
    let problem: string | undefined
    try {
      problem = await this.#rerun.take(record, indexes, this.#session?.id ?? '')
    } catch (error) {
      if (asMeerkatError(error).code === 'unsupported') throw ofNewerRelease(this.#line, error)
      throw badLine(this.#line, `can not be run again (${messageOf(error)})`, error)
    }
    if (problem !== undefined) throw badLine(this.#line, problem)
  }

  /** Checks that every file that is referred to came before, and has the size that is said. */
  #demandFiles(...owners: readonly { readonly content?: string | readonly MessagePart[] }[]): void {
    const parts = owners.flatMap(({ content = [] }) => (typeof content === 'string' ? [] : content))
    for (const { blob, bytes } of parts.filter(isReference)) {
      if (this.#files.get(blob) !== bytes) throw badLine(this.#line, `speaks of the file ${blob}, which did not come`)
    }
  }

  /** The record under the session's new id. */
  #renamed(record: CommitRecord): CommitRecord {
    const [old, id] = [this.#header?.session.id, this.#session?.id]
    if (id === undefined || id === old || record.steps === undefined) return record
    const steps = record.steps.map(step =>
      'sessionId' in step && step.sessionId === old ? { ...step, sessionId: id } : step,
    )
    return { ...record, steps }
  }

  /** Checks the whole of the records, and the work that they leave unfinished. */
  async #demandSound(): Promise<void> {
    const broken = await this.#rerun.look()
    if (broken !== undefined) throw badLine(this.#line - this.#journal.length - 1, broken)
    const { ledger } = this.#rerun.state
    const stray = this.#journal.find(({ entry }) => entryOf(ledger, entry.work) === undefined)
    if (stray !== undefined) throw badLine(stray.line, 'is of work that is not unfinished')
  }

  async #end({ records, blobs, journal, sha256 }: EndLine): Promise<void> {
    const { records: had, blobs: files, journal: entries } = this.#counts
    if (records !== had || blobs !== files || journal !== entries) {
      throw badLine(
        this.#line,
        `counts ${records} records, ${blobs} files and ${journal} messages of unfinished work, there were ${had}, ${files} and ${entries}`,
      )
    }
    if (sha256 !== this.#hash.digest('hex')) throw badLine(this.#line, 'has another checksum than what came before')
    await this.#demandSound()
    const head = headOf(this.#rerun.state, had)
    const said = this.#header?.head
    if (this.#held === undefined || said?.commits !== had || said.messages !== head.messages)
      throw badLine(this.#line, 'ends less than the header promised')
    await this.#keep({
      ...this.#held,
      head: this.#options.wait === true ? { ...head, ...WAITING, commits: had } : head,
      snapshot: encodeState(this.#rerun.state),
      ...(this.#journal.length > 0 && { journal: { put: this.#journal.map(({ entry }) => entry) } }),
      ...(this.#blobs.length > 0 && { blobs: [...(this.#held.blobs ?? []), ...this.#blobs] }),
    })
    this.#done = true
  }

  #keep(commit: Held): Promise<void> {
    const { blobs = [], ...rest } = commit
    const files = blobs.map(({ digest, data }) => ({ digest, data: base64Of(data) }))
    return this.#spool.write(JSON.stringify({ ...rest, ...(files.length > 0 && { blobs: files }) } satisfies Kept))
  }

  async #write(session: SessionRecord, commit: Held): Promise<Claim> {
    const { owner } = this.#options
    if (this.#claim === undefined) {
      await clearRemains(this.#store, session.id, owner)
      this.#claim = (await this.#store.create(session, commit, owner)).claim
    } else await this.#store.commit({ ...commit, claim: this.#claim })
    return this.#claim
  }
}

/** A commit as the spool has it. */
type Kept = Omit<Held, 'blobs'> & { readonly blobs?: readonly { readonly digest: string; readonly data: string }[] }

function heldIn(line: string): Held {
  const { blobs, ...rest } = JSON.parse(line) as Kept
  const files = blobs?.map(({ digest, data }) => ({ digest, data: Buffer.from(data, 'base64') }))
  return { ...rest, ...(files && { blobs: files }) }
}

/** The head of a session that is being imported: should the importer die, it is found and removed by its phase. */
const UNDER_WAY = { phase: PARTIAL, unfinished: 0, dueAt: 0 }
const WAITING = { phase: ARRIVED, unfinished: 0 }

function ofNewerRelease(line: number, cause: unknown): MeerkatError {
  const text = `line ${line} of the export: ${asMeerkatError(cause).message}; nothing was imported`
  return new MeerkatError('unsupported', text, { cause, details: { line } })
}

function tooNew(line: number, what: string, version: number, supported: number): MeerkatError {
  return new MeerkatError(
    'unsupported',
    `line ${line} of the export: ${what} version ${version}, this release reads up to ${supported}. Upgrade meerkat-ts; nothing was imported`,
    { details: { line, version, supported } },
  )
}
