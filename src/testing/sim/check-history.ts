/**
 * The history checker: judges a runtime from outside, by its answers and by what can be read from its store, without
 * knowing how it works. Each rule is one promise.
 */
import { aBoolean, aListOf, aNumber, anObject, checkFields, type Fields, optional } from '../../options.ts'
import { isOpen } from '../../session/input-status.ts'
import { effectRules } from './check-effects.ts'
import { cancelRule, orderRule, receiptRule, runRule } from './check-runs.ts'
import type { History, SessionHistory, Told, Violation } from './history.ts'
import { Heard } from './said.ts'

const things = aListOf('objects', anObject.fits)
const isSession = (value: unknown): boolean =>
  anObject.fits(value) && ['events', 'inputs', 'ended'].every(name => things.fits(Reflect.get(Object(value), name)))

const HISTORY: Fields<History> = {
  told: things,
  sessions: aListOf('sessions, each with events, inputs and ended', isSession),
  effects: things,
  settled: aBoolean,
  excused: optional(aListOf('ids', one => typeof one === 'string')),
  startWithinMs: aNumber,
}

/** All violations in the history; empty if there are none. */
export function checkHistory(history: History): readonly Violation[] {
  checkFields('checkHistory', history, HISTORY)
  return [
    ...toldRules(history),
    ...history.sessions.flatMap(session => [
      ...inputRules(session, history),
      ...orderRule(session),
      ...runRule(session, history.settled),
      ...receiptRule(session),
      ...cancelRule(session, history.told),
    ]),
    ...effectRules(history),
    ...wakeUpRule(history),
  ]
}

/** The answers that clients got agree with the store. */
function toldRules(history: History): readonly Violation[] {
  const sessions = new Map(history.sessions.map(session => [session.id, indexed(session)]))
  const keys = new Map<string, string>()
  return history.told.flatMap((told): readonly Violation[] => {
    switch (told.type) {
      case 'accepted':
        return [...acceptedRule(told, sessions.get(told.session)), ...keyRule(told, keys)]
      case 'status':
        return statusRule(told, sessions.get(told.session))
      case 'withdrawn':
        return withdrawnRule(told, sessions.get(told.session))
      case 'read':
        return readRule(
          told,
          history.sessions.find(({ id }) => id === told.session),
        )
      case 'fault':
        return [{ rule: 'fault', text: told.what }]
      default:
        return []
    }
  })
}

interface Indexed {
  readonly inputs: ReadonlyMap<string, SessionHistory['inputs'][number]>
  readonly ended: ReadonlyMap<string, SessionHistory['ended'][number]>
}

function indexed({ inputs, ended }: SessionHistory): Indexed {
  return { inputs: new Map(inputs.map(one => [one.id, one])), ended: new Map(ended.map(one => [one.id, one])) }
}

/** Every acknowledged input is in the store, with its content. */
function acceptedRule(told: Extract<Told, { type: 'accepted' }>, session: Indexed | undefined): readonly Violation[] {
  const input = session?.inputs.get(told.inputId)
  if (input === undefined) {
    return [
      { rule: 'acknowledged-lost', text: `input ${told.inputId} was acknowledged, and the store has no trace of it` },
    ]
  }
  if (input.content !== told.content || input.idempotencyKey !== told.key) {
    const text = `input ${told.inputId} was sent as ${told.content} (key ${told.key}) and is stored as ${JSON.stringify(input.content)} (key ${input.idempotencyKey})`
    return [{ rule: 'content-changed', text }]
  }
  return []
}

/** A key names one input for ever. */
function keyRule(told: Extract<Told, { type: 'accepted' }>, keys: Map<string, string>): readonly Violation[] {
  if (told.key === undefined) return []
  const place = `${told.session}/${told.key}`
  const before = keys.get(place)
  keys.set(place, before ?? told.inputId)
  return before === undefined || before === told.inputId
    ? []
    : [{ rule: 'key-rebound', text: `key ${told.key} was answered with input ${before} and with ${told.inputId}` }]
}

/** A waiting caller gets the terminal outcome, which never changes. */
function statusRule(told: Extract<Told, { type: 'status' }>, session: Indexed | undefined): readonly Violation[] {
  const { inputId, status, result } = told
  if (!session?.inputs.has(inputId)) {
    return [
      {
        rule: 'acknowledged-lost',
        text: `input ${inputId} was told to be ${status}, and the store has no trace of it`,
      },
    ]
  }
  if (isOpen(status)) return []
  const ended = session.ended.get(inputId)
  const stored = ended && [ended.status, ended.result?.runId, ended.result?.outcome, ended.text]
  const heard = [status, result?.runId, result?.outcome, result?.text]
  if (JSON.stringify(stored) === JSON.stringify(heard)) return []
  const text = `input ${inputId} was told to have ended as ${heard.join(' ')}, and the store says ${stored?.join(' ') ?? 'that it has not'}`
  return [{ rule: 'answer-differs', text }]
}

/** A withdrawn input ends as `withdrawn`. */
function withdrawnRule(told: Extract<Told, { type: 'withdrawn' }>, session: Indexed | undefined): readonly Violation[] {
  const status = session?.ended.get(told.inputId)?.status
  if (!told.withdrawn || status === 'withdrawn') return []
  return [
    {
      rule: 'withdrawn-ran',
      text: `input ${told.inputId} was told to be withdrawn and ended as ${status ?? 'nothing'}`,
    },
  ]
}

/**
 * A reader with a cursor sees every event once, in order. Of a run's streamed text it may have more than the log, if the
 * process ended before that was written, or less, if it stopped reading; but nothing else.
 */
function readRule(told: Extract<Told, { type: 'read' }>, session: SessionHistory | undefined): readonly Violation[] {
  const heard = new Heard()
  for (const event of session?.events ?? []) heard.add(event)
  for (const [run, said] of told.said ?? []) {
    const written = heard.said.get(run) ?? ''
    if (said.startsWith(written) || written.startsWith(said)) continue
    const text = `reader ${told.reader} of session ${told.session} heard of run ${run}:${said}\nand the log tells:${written}`
    return [{ rule: 'cursor-gap', text }]
  }
  const all = heard.cursors
  const at = told.cursors.findIndex((cursor, index) => cursor !== all[index])
  if (at < 0) return []
  const text = `reader ${told.reader} of session ${told.session} read ${told.cursors[at]} as event ${at + 1}, which is ${all[at] ?? 'beyond the end'}`
  return [{ rule: 'cursor-gap', text }]
}

/** Every accepted input ends, once. */
function inputRules(session: SessionHistory, { settled, excused = [] }: History): readonly Violation[] {
  const ends = Map.groupBy(session.ended, ({ id }) => id)
  const seen = new Set<string>()
  const keys = new Map<string, string>()
  const found: Violation[] = []
  for (const { id, idempotencyKey } of session.inputs) {
    if (seen.has(id)) found.push({ rule: 'accepted-twice', text: `input ${id} was accepted twice` })
    seen.add(id)
    if (idempotencyKey !== undefined && keys.has(idempotencyKey)) {
      const text = `key ${idempotencyKey} was bound to input ${keys.get(idempotencyKey)} and to ${id}`
      found.push({ rule: 'key-rebound', text })
    }
    if (idempotencyKey !== undefined) keys.set(idempotencyKey, id)
    const times = ends.get(id)?.length ?? 0
    if (times > 1) {
      const how = ends.get(id)?.map(({ status }) => status)
      found.push({ rule: 'ended-twice', text: `input ${id} ended as ${how?.join(' and as ')}` })
    }
    if (times === 0 && settled && !excused.includes(session.id)) {
      found.push({ rule: 'never-ended', text: `input ${id} of session ${session.id} was accepted and never ended` })
    }
  }
  const strangers = session.ended.filter(({ id }) => !seen.has(id))
  return [
    ...found,
    ...strangers.map(
      ({ id }): Violation => ({ rule: 'ended-twice', text: `input ${id} ended and was never accepted` }),
    ),
  ]
}

/** Without faults, a session that can run does so soon: no wake-up is lost. */
function wakeUpRule({ told, startWithinMs }: History): readonly Violation[] {
  const since = new Map<string, { readonly at: number; readonly runs: number }>()
  const late = new Map<string, number>()
  for (const one of told) {
    if (one.type !== 'runnable') continue
    const before = since.get(one.session)
    // A run was started since then, in time, so the waiting time starts again.
    if (before === undefined || before.runs !== one.runs) since.set(one.session, one)
    else if (one.at - before.at > startWithinMs) late.set(one.session, one.at - before.at)
  }
  return [...late].map(([session, ms]) => ({
    rule: 'wake-up-lost',
    text: `session ${session} could run for ${ms} ms without faults and did not`,
  }))
}
