/**
 * The settings of a session. Only its owner changes them, by a commit, and they are in force from the next attempt
 * on.
 */
import type { Transaction } from '../driver/transaction.ts'
import { MeerkatError } from '../errors.ts'
import type { CoreExecutor } from '../executor/executor.ts'
import type { SessionLlmCapabilitySurface } from '../kernel/regions/llm/state.ts'
import { setOwnModel } from '../loop/models.ts'
import type { SessionOptions, SessionRecord } from '../store/records.ts'
import { demandDurations } from '../time.ts'
import type { SessionChanges } from './api.ts'
import { jsonInOrder } from './digest.ts'
import { offeredTools } from './offered-tools.ts'
import { demandChangeable } from './refusals.ts'

export type SettingsUpdate = SessionChanges & { readonly revision?: number }

/** Options that can't change once a session is open: the kernel decides by them from its first record on. */
const FIXED = ['merge', 'silentIntents', 'keepAlive', 'mcpServers'] as const

/**
 * Changes the settings within a transaction; answers the revision in force afterwards. A change that changes nothing
 * writes nothing.
 */
export function changeSettings(
  tx: Transaction,
  committed: SessionRecord,
  { revision, ...changes }: SettingsUpdate,
  capabilities?: SessionLlmCapabilitySurface,
): number {
  const session = tx.parts.changed.at(-1) ?? committed
  const { revision: present = 1, options } = session
  demandChangeable(tx, session.id)
  if (revision !== undefined && revision !== present) {
    const message = `session ${session.id} is at revision ${present}, not ${revision}: read it again, then change it`
    throw new MeerkatError('conflict', message, { details: { sessionId: session.id, revision: present } })
  }
  const next = changed(options, changes)
  if ('model' in changes) setOwnModel(tx, next.model, capabilities)
  if (sameOptions(options, next)) return present
  tx.parts.changed.push({ ...session, options: next, revision: present + 1 })
  const names = Object.keys(changes).filter(name => !sameOptions(only(options, name), only(next, name)))
  tx.event({ type: 'session.updated', data: { revision: present + 1, changed: names } })
  return present + 1
}

/** Whether two sets of options are equal, whatever the order of their keys. */
export function sameOptions(one: SessionOptions, other: SessionOptions): boolean {
  return jsonInOrder(one) === jsonInOrder(other)
}

function changed(options: SessionOptions, changes: SessionChanges): SessionOptions {
  const all: readonly (readonly [string, unknown])[] = Object.entries({ ...options, ...changes })
  return Object.fromEntries(all.filter(([, value]) => value !== null && value !== undefined))
}

function only(options: SessionOptions, name: string): SessionOptions {
  return Object.fromEntries(Object.entries(options).filter(([key]) => key === name))
}

/** Which of an opener's options differ from the existing session's; `session-conflict` where a fixed one does. */
export function changesTo(session: SessionRecord, options: SessionOptions): SessionChanges {
  const fixed = FIXED.filter(
    name => options[name] !== undefined && !sameOptions(only(session.options, name), only(options, name)),
  )
  if (fixed.length === 0) return options
  const message = `session ${session.id} was opened with another ${fixed.join(' and ')}, which can't be changed: open another session`
  throw new MeerkatError('session-conflict', message, { details: { sessionId: session.id, fields: fixed } })
}

/** The refusal of an opener whose options differ from the session's. */
export function optionsConflict({ id, options }: SessionRecord): MeerkatError {
  const message = `session ${id} exists with other options: open it without options, say what to do with onConflict (keep or update), or choose another id`
  return new MeerkatError('session-conflict', message, { details: { sessionId: id, options } })
}

/**
 * Refuses options that nothing acts on, because a caller who gives one relies on it. Names of tools are checked where
 * the executor says which tools it has.
 */
export function demandActing(options: SessionOptions | SessionChanges, executor: CoreExecutor | undefined): void {
  demandDurations({ 'budget.maxRunMs': options.budget?.maxRunMs }, { leastMs: 1 })
  const idle = (['keepAlive', 'mcpServers'] as const).filter(name => name in options && isAsked(options, name))
  if (idle.length > 0) {
    const message = `${idle.join(' and ')} can't be given yet: nothing in this release acts on it`
    throw new MeerkatError('unsupported', message, {
      details: { issues: idle.map(path => ({ path, message: 'is not supported yet' })) },
    })
  }
  const { tools } = options
  const { tools: _, ...rest } = options as SessionOptions
  const offered = executor === undefined || (tools ?? []).length === 0 ? undefined : namesOf(executor, rest)
  const unknown = offered === undefined ? [] : (tools ?? []).filter(name => !offered.includes(name))
  if (unknown.length === 0) return
  const known =
    offered === undefined || offered.length === 0 ? 'there are none' : `the tools are: ${offered.join(', ')}`
  const message = `tools: there is no tool named ${unknown.join(' or ')}; ${known}`
  const issues = unknown.map(name => ({ path: `tools.${tools?.indexOf(name)}`, message: `is no tool: ${name}` }))
  throw new MeerkatError('invalid-params', message, { details: { issues } })
}

/** The names of the executor's tools; absent where it does not say, because then no name can be called unknown. */
function namesOf(executor: CoreExecutor, options: SessionOptions): readonly string[] | undefined {
  try {
    return offeredTools(executor, options)?.map(({ name }) => name)
  } catch {
    return undefined
  }
}

function isAsked(options: object, name: 'keepAlive' | 'mcpServers'): boolean {
  const value: unknown = Object.entries(options).find(([key]) => key === name)?.[1]
  return Array.isArray(value) ? value.length > 0 : value === true
}
