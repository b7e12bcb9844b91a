/**
 * Writes the state of one credential as text, for snapshots, and reads it.
 *
 * Conditions are not written. A lease that was being refreshed is read as `refreshing`, although the refresh ended with its
 * process; so the loader gives `RefreshFailed` before any other input.
 */
import { packed, unpacked } from '../pack.ts'
import { LEASE_PHASES } from './lease/table.ts'
import { auth } from './machine.ts'
import type { AuthState } from './state.ts'

const VERSION = 1

/** The facts as JSON; equal facts have equal texts. */
export function encodeAuthState({ lease, flows }: AuthState): string {
  return JSON.stringify({ v: VERSION, lease: sorted(lease), flows: packed(flows) })
}

/** The state that `encodeAuthState` wrote. Throws if the text is damaged, newer, or breaks an invariant. */
export function decodeAuthState(text: string): AuthState {
  const { v, lease, flows } = parse(text)
  if (v !== VERSION) throw new Error(`the credential's snapshot is of version ${String(v)}, not ${VERSION}`)
  if (!isRecord(lease) || !isRecord(flows)) throw new Error("the credential's snapshot lacks its lease or its flows")
  const phase = LEASE_PHASES.find(one => one === lease['phase'])
  if (phase === undefined) throw new Error(`the credential's snapshot has a phase ${String(lease['phase'])}`)
  const result = auth.recover({ ...auth.initial, lease, flows: unpacked(flows) } as AuthState)
  if (!result.ok) throw new Error(`the credential's snapshot breaks an invariant: ${result.reason}`)
  return result.state
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>
  } catch (cause) {
    throw new Error("the credential's snapshot is no JSON", { cause })
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

/** The record with its properties in one order, so that equal facts have equal texts. */
function sorted(record: object): object {
  return Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
