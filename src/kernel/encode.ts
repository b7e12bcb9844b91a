/**
 * Writes a state as text, for snapshots, and reads it.
 *
 * Only facts that differ from the initial state are written, tries as lists of their entries, so an idle session
 * takes a few hundred bytes. A decoded state has to satisfy every invariant before it is used.
 */
import { meerkat } from './machine.ts'
import { packed, unpacked } from './pack.ts'
import type { Codec } from './region.ts'
import type { MeerkatState } from './state.ts'

const VERSION = 1

type Key = keyof MeerkatState

/** Conditions are not written: they end with their process. */
const KEYS = meerkat.regions.filter(({ condition }) => condition === undefined).map(({ name }) => name)

/** The state as JSON; equal states have equal texts, whatever led to them. */
export function encodeState(state: MeerkatState): string {
  const slices = [`"v":${VERSION}`]
  for (const key of KEYS) {
    if (state[key] === meerkat.initial[key]) continue
    const text = sliceText(state, key)
    if (text !== INITIAL[key]) slices.push(`"${key}":${text}`)
  }
  return `{${slices.join(',')}}`
}

/** Whether two states have the same text. */
export function hasSameFacts(one: MeerkatState, other: MeerkatState): boolean {
  return KEYS.every(key => one[key] === other[key] || sliceText(one, key) === sliceText(other, key))
}

/** By region: its codec, if its slice is not written as it is. */
const CODECS: ReadonlyMap<string, AnyCodec> = new Map(
  meerkat.regions.flatMap(({ name, codec }) => (codec === undefined ? [] : [[name, codec as AnyCodec]])),
)
type AnyCodec = Codec<unknown>

function sliceText(state: MeerkatState, key: Key): string {
  const codec = CODECS.get(key)
  return JSON.stringify(codec === undefined ? packed(state[key]) : codec.encode(state[key]))
}

/** The state that `encodeState` wrote. Throws `StateDecodeError` if the text is damaged, newer, or breaks an invariant. */
export function decodeState(text: string): MeerkatState {
  const state = readState(text)
  const result = meerkat.recover(state)
  if (!result.ok) throw new StateDecodeError(`it breaks an invariant: ${result.reason}`)
  return state
}

/** Like `decodeState`, without checking the invariants, which the caller does. */
export function readState(text: string): MeerkatState {
  // `tail` is of a region that earlier releases had and no fact of this one depends on.
  const { v, tail: _, ...slices } = parse(text)
  if (v !== VERSION) {
    throw new StateDecodeError(`version ${String(v)}, this release reads ${VERSION}`, Number(v) > VERSION)
  }
  const unknown = Object.keys(slices).find(key => !Object.hasOwn(meerkat.initial, key))
  if (unknown !== undefined) throw new StateDecodeError(`it holds ${unknown}, which this release does not know`, true)
  // A missing slice is the initial one: it was not written because of that, or the writing release did not have it.
  const read = Object.entries(slices).map(([key, encoded]) => {
    const codec = CODECS.get(key)
    return [key, codec === undefined ? unpacked(encoded) : codec.decode(encoded as never)] as const
  })
  return { ...meerkat.initial, ...Object.fromEntries(read) }
}

/** The text of a state can't be used. */
export class StateDecodeError extends Error {
  override readonly name = 'StateDecodeError'
  /** Why, in words. */
  readonly reason: string
  /** Whether a newer release wrote it; then it is not damaged. */
  readonly isNewer: boolean
  constructor(reason: string, isNewer = false) {
    super(`the session's snapshot can't be used: ${reason}`)
    this.reason = reason
    this.isNewer = isNewer
  }
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    throw new StateDecodeError('it is not JSON')
  }
}

const INITIAL: Readonly<Record<string, string>> = Object.fromEntries(
  KEYS.map(key => [key, sliceText(meerkat.initial, key)]),
)
