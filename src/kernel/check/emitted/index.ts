/**
 * The effects that every step has to emit, stated apart from the rows that emit them, so that the explorer finds a row that
 * forgets an effect or emits one without cause. The pages of the regions print the same rules.
 */
import type { MeerkatEffect } from '../../effects.ts'
import type { MeerkatInput } from '../../inputs.ts'
import { meerkat } from '../../machine.ts'
import type { MeerkatState } from '../../state.ts'
import type { Transition } from '../../step.ts'
import type { Fault } from '../explore.ts'
import { callRules, ledgerRules } from './ledger.ts'
import { liveRules } from './live.ts'
import { peerRules } from './peers.ts'
import type { Rules, Stepped } from './rule.ts'
import { runRules, turnRules } from './runs.ts'
import { sessionRules } from './session.ts'
import { toolRules } from './tools.ts'
import { verdictRules } from './verdicts.ts'
import { operationRules, scheduleRules } from './work.ts'

/** Every effect of the session machine, with when it is emitted. */
export const emissions: Rules<MeerkatEffect['type']> = {
  ...sessionRules,
  ...turnRules,
  ...runRules,
  ...ledgerRules,
  ...callRules,
  ...operationRules,
  ...scheduleRules,
  ...toolRules,
  ...peerRules,
  ...liveRules,
  ...verdictRules,
}

type Slice = keyof MeerkatState
type AnyRule = { readonly when: string; readonly expected: (step: Stepped) => readonly object[] }

/** Rules that read the same slices. */
interface Group {
  readonly slices: readonly Slice[]
  readonly rules: readonly (readonly [type: string, rule: AnyRule])[]
}

const group = (slices: readonly Slice[], rules: Readonly<Record<string, AnyRule>>): Group => ({
  slices,
  rules: Object.entries(rules),
})

const GROUPS: readonly Group[] = [
  group(['lifecycle', 'registration', 'binding'], sessionRules),
  group(['run', 'turn', 'lifecycle'], { ...runRules, ...turnRules }),
  group(['ledger', 'endings', 'run'], ledgerRules),
  group(['calls', 'run'], callRules),
  group(['operations'], operationRules),
  group(['schedules'], scheduleRules),
  group(['llm', 'visibility', 'routing', 'mcpServers', 'toolSurfaces'], toolRules),
  group(['trust', 'interactions', 'drain', 'comms', 'streams', 'context'], peerRules),
  group(['realtime', 'productTurn', 'live'], liveRules),
  group(['comms', 'supervisor'], verdictRules),
]

/** By input: the groups that are always asked, those of the region that decides on it. */
const ASKED: ReadonlyMap<string, readonly Group[]> = new Map(
  meerkat.edges.map(({ input, region }) => [input, GROUPS.filter(({ slices }) => slices.some(one => one === region))]),
)
const GROUP_OF: ReadonlyMap<string, Group> = new Map(
  GROUPS.flatMap(one => one.rules.map(([type]) => [type, one] as const)),
)

/** The first effect that a step failed to emit, or emitted without cause. */
export function emissionFault(
  before: MeerkatState,
  input: MeerkatInput,
  { state: after, effects, edge }: Transition<MeerkatState, MeerkatEffect>,
): Fault | undefined {
  const step = { before, input, after }
  const asked = ASKED.get(input.type) ?? NONE
  for (const one of GROUPS) {
    // Most steps change one or two slices; groups of other slices need not be asked.
    const isConcerned =
      asked.includes(one) ||
      (before !== after && one.slices.some(slice => before[slice] !== after[slice])) ||
      effects.some(({ type }) => GROUP_OF.get(type) === one)
    const fault = isConcerned ? faultIn(one, step, effects) : undefined
    if (fault !== undefined) return { ...fault, text: `${edge} ${fault.text}` }
  }
  return undefined
}

const NONE: readonly never[] = []

function faultIn({ rules }: Group, step: Stepped, effects: readonly MeerkatEffect[]): Fault | undefined {
  for (const [type, rule] of rules) {
    const said = effects.length === 0 ? NONE : effects.filter(effect => effect.type === type)
    const due = rule.expected(step)
    if (said.length === due.length && due.every((expected, index) => agrees(expected, said[index]))) continue
    const text = `says ${JSON.stringify(said)}, but ${type} is emitted ${rule.when}: ${JSON.stringify(due)}`
    return { invariant: `emits-${type}`, text }
  }
  return undefined
}

/** Whether an effect has the expected fields; a rule may leave fields out. */
function agrees(expected: object, said: object | undefined): boolean {
  return said !== undefined && fieldsOf(expected).every(([key, value]) => isSame(value, Reflect.get(said, key)))
}

function isSame(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false
  const fields = fieldsOf(one)
  return (
    fields.length === fieldsOf(other).length && fields.every(([key, value]) => isSame(value, Reflect.get(other, key)))
  )
}

function fieldsOf(value: object): readonly (readonly [string, unknown])[] {
  return Object.entries(value).filter(([, field]) => field !== undefined)
}
