/** An event of a host's own, before it is logged: its name and data are the host's, its envelope is the runtime's. */
import { MeerkatError } from '../errors.ts'
import type { NewEvent } from '../events.ts'
import { jsonOf } from '../foreign.ts'
import { demandName } from '../names.ts'
import { ENVELOPE } from '../session/reads.ts'

export interface HostEvent {
  /** Its name among the host's events. */
  readonly name: string
  /** Plain JSON. No field may have the name of a field of the envelope. */
  readonly data?: object
}

/** The longest data of an event, as JSON. */
const MAX_CHARS = 1_048_576
const OWN = [...ENVELOPE, 'name']

/** The event as it is stored. Throws `invalid-params` or `too-large`. */
export function hostEvent(event: HostEvent): NewEvent {
  if (!isRecord(event)) throw wrong('an event is an object with a name and data')
  const { name, data = {} } = event
  demandName(name, 'the name of an event')
  const json = jsonOf(data, MAX_CHARS)
  if ('problem' in json) {
    throw wrong(`the data of the event can't be written: ${json.problem}`, json.tooLong ? 'too-large' : undefined)
  }
  const fields = json.value
  if (!isRecord(fields)) throw wrong('the data of an event is an object')
  const taken = OWN.filter(field => Object.hasOwn(fields, field))
  if (taken.length > 0) {
    throw wrong(`the runtime itself sets ${taken.join(', ')} of an event: give these fields of the data other names`)
  }
  return { type: 'host.event', data: { ...fields, name } }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function wrong(message: string, code: 'invalid-params' | 'too-large' = 'invalid-params'): MeerkatError {
  return new MeerkatError(code, message, { details: { issues: [{ path: 'data', message }] } })
}
