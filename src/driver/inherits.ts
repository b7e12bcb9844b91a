/** Which ids an event leaves out because its record has them. */

/** Which of a record's ids an event takes over when it names none. */
interface Inheritance {
  readonly run: boolean
  readonly input: boolean
}

const INPUT: Inheritance = { run: false, input: true }
const RUN: Inheritance = { run: true, input: false }
const BOTH: Inheritance = { run: true, input: true }
const NEITHER: Inheritance = { run: false, input: false }
const FAMILIES: ReadonlyMap<string, Inheritance> = new Map([
  ['input', INPUT],
  ...['run', 'turn', 'text', 'reasoning', 'tool', 'budget', 'model'].map(family => [family, RUN] as const),
])
/** By event type: exceptions from the family's rule, and a cache. Bounded, because an import may contain any type. */
const KNOWN: Map<string, Inheritance> = new Map([
  ['input.staged', BOTH],
  ['input.steered', BOTH],
  ['input.consumed', BOTH],
])
const MOST_KNOWN = 256

/** Which of a record's ids an event of this type takes over when it names none. */
export function inherits(type: string): Inheritance {
  const known = KNOWN.get(type)
  if (known !== undefined) return known
  const made = FAMILIES.get(type.slice(0, type.indexOf('.'))) ?? NEITHER
  if (KNOWN.size < MOST_KNOWN) KNOWN.set(type, made)
  return made
}
