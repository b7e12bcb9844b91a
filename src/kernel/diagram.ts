/** Prints a machine's declaration as tables and diagrams. It reads the declaration that runs; there is no other source. */

import type { AnyRegion, Edge, SliceLifetime } from './plan.ts'
import type { Tagged } from './region.ts'
import type { Machine } from './step.ts'

/** One arrow, with the inputs that take it. */
interface Arrow {
  readonly from: string
  readonly to: string
  readonly inputs: readonly string[]
}

export interface Diagram {
  readonly mermaid: string
  /** For Graphviz. */
  readonly dot: string
}

/** The words of a page that are not in the declaration. */
export interface Words {
  /** What its phases mean. */
  readonly phases: Readonly<Record<string, string>>
  /** What an input means, by its type. */
  readonly inputs: Readonly<Record<string, string>>
  /** How each invariant is enforced, by its id. Absent: the page leaves that out. */
  readonly keptBy?: Readonly<Record<string, string>>
}

/** The page of a region: purpose, phases as a diagram, transitions, reactions and invariants. */
export function regionPage<State, Input extends Tagged, Effect extends Tagged>(
  machine: Machine<State, Input, Effect>,
  regionName: string,
  words?: Words,
): string {
  const region = regionOf(machine, regionName)
  const rows = machine.edges.filter(edge => edge.region === region.name).map(rowInWords)
  const lives = machine.lives.filter(life => life.region === region.name)
  const ended = new Set(lives.flatMap(life => life.endings))
  const follows = Object.keys(region.follow).filter(followed => !ended.has(followed))
  const kind = region.condition === undefined ? FACTS : CONDITION
  const parts = [`# ${machine.name}: ${region.name}\n\n${region.about}\n\n${kind}\n`]
  if (phasedRegions(machine).includes(region.name)) {
    parts.push(`\`\`\`mermaid\n${diagramOf(machine, region.name).mermaid}\`\`\`\n`)
  }
  if (words !== undefined) {
    parts.push(...meanings('phase', Object.entries(words.phases)))
    parts.push(
      ...meanings(
        'input',
        Object.keys(region.on).map(input => [input, words.inputs[input] ?? '']),
      ),
    )
  }
  if (rows.length > 0) parts.push(`## Transitions\n\n${ROW_HEAD}\n${rows.join('\n')}\n`)
  const decided = Object.keys(region.decides ?? {})
  if (decided.length > 0) parts.push(`Decides once, for all that follow: ${decided.map(code).join(', ')}.\n`)
  for (const life of lives) parts.push(lifetimeInWords(life))
  if (follows.length > 0) parts.push(`Follows ${follows.map(code).join(', ')}.\n`)
  if (region.invariants.length > 0) {
    const all = region.invariants.map(one => `${invariantInWords(one)}${enforcementInWords(words?.keptBy?.[one.id])}`)
    parts.push(`## Always true\n\n${words?.keptBy === undefined ? '' : CHECKED}${all.join('\n')}\n`)
  }
  return parts.join('\n')
}

const FACTS = 'Its slice is a fact of the machine: the log holds how it came about.'
const CONDITION = 'Its slice is a condition of the process that serves: it is not written, and ends with that process.'
const CHECKED =
  'Checked whenever a session is loaded, and by the explorer in every state; what keeps it true in between stands with each.\n\n'
const ROW_HEAD = '| input | row | from | when | to | also changes |\n| --- | --- | --- | --- | --- | --- |'

/** The rules that no single region enforces, as a list. */
export function spanningRules<State, Input extends Tagged, Effect extends Tagged>(
  machine: Machine<State, Input, Effect>,
  words?: Words,
): string {
  const own = machine.regions.flatMap(region => region.invariants)
  return machine.invariants
    .filter(one => !own.includes(one))
    .map(one => `${invariantInWords(one)}${enforcementInWords(words?.keptBy?.[one.id])}`)
    .join('\n')
}

/** A region's phases and what leads from one to another, as Mermaid and as Graphviz text. */
export function diagramOf<State, Input extends Tagged, Effect extends Tagged>(
  machine: Machine<State, Input, Effect>,
  regionName: string,
): Diagram {
  const region = regionOf(machine, regionName)
  const arrows = arrowsOf(machine, regionName)
  const first = region.phaseOf(machine.initial)
  const mermaid = [
    'stateDiagram-v2',
    `  [*] --> ${first}`,
    ...arrows.map(({ from, to, inputs }) => `  ${from} --> ${to}: ${inputs.join(', ')}`),
  ]
  const dot = [
    `digraph "${machine.name}/${regionName}" {`,
    '  rankdir = LR',
    '  node [shape = box, style = rounded]',
    '  start [shape = point]',
    `  start -> ${first}`,
    ...arrows.map(({ from, to, inputs }) => `  ${from} -> ${to} [label = "${inputs.join('\\n')}"]`),
    '}',
  ]
  return { mermaid: `${mermaid.join('\n')}\n`, dot: `${dot.join('\n')}\n` }
}

/** The names of the regions that have phases of their own. */
function phasedRegions<State, Input extends Tagged, Effect extends Tagged>(
  machine: Machine<State, Input, Effect>,
): readonly string[] {
  const named = new Set(
    [...machine.edges.filter(edge => edge.to !== undefined), ...machine.moves].map(one => one.region),
  )
  return machine.regions.map(region => region.name).filter(name => named.has(name))
}

/** Arrows between different phases, in the order of the declaration. */
function arrowsOf<State, Input extends Tagged, Effect extends Tagged>(
  machine: Machine<State, Input, Effect>,
  region: string,
): readonly Arrow[] {
  const arrows = new Map<string, Set<string>>()
  const add = (from: string, to: string, input: string): void => {
    if (from === to) return
    const key = `${from} ${to}`
    arrows.set(key, (arrows.get(key) ?? new Set()).add(input))
  }
  for (const edge of machine.edges) {
    if (edge.region !== region) continue
    for (const from of edge.from) for (const to of edge.to ?? []) add(from, to, edge.input)
  }
  for (const move of machine.moves) {
    if (move.region === region) for (const to of move.to) add(move.from, to, move.input)
  }
  return [...arrows].map(([key, inputs]) => {
    const [from = '', to = ''] = key.split(' ')
    return { from, to, inputs: [...inputs] }
  })
}

function regionOf<State, Input extends Tagged, Effect extends Tagged>(
  machine: Machine<State, Input, Effect>,
  name: string,
): AnyRegion<State, Input, Effect> {
  const region = machine.regions.find(one => one.name === name)
  if (region === undefined) throw new Error(`${machine.name} has no region ${name}`)
  return region
}

function rowInWords(edge: Edge): string {
  const during = edge.during === undefined ? '' : ` (during ${edge.during.join(', ')})`
  const cells = [
    code(edge.input),
    edge.row,
    `${edge.from.join(', ')}${during}`,
    edge.guards.map(guardInWords).join(', '),
    edge.to?.join(', ') ?? 'stays',
    edge.followers.join(', '),
  ]
  return `| ${cells.join(' | ')} |`
}

function meanings(what: string, all: readonly (readonly [name: string, meaning: string])[]): readonly string[] {
  if (all.length === 0) return []
  return [
    `| ${what} | means |\n| --- | --- |\n${all.map(([name, meaning]) => `| ${code(name)} | ${meaning} |`).join('\n')}\n`,
  ]
}

function enforcementInWords(keptBy: string | undefined): string {
  return keptBy === undefined ? '' : `. How: ${keptBy}`
}

function lifetimeInWords({ lifetime, of, endings }: SliceLifetime): string {
  const what = of === undefined ? 'Lasts' : `${of.slice(0, 1).toUpperCase()}${of.slice(1)} lasts`
  return `${what} as long as the **${lifetime}**: until ${endings.map(code).join(', ')}.\n`
}

/** `isCurrentRun` reads better as `is current run`. */
function guardInWords(name: string): string {
  return name.replaceAll(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`)
}

function invariantInWords({ id, text }: { readonly id: string; readonly text: string }): string {
  return `- ${code(id)}: ${text}`
}

function code(text: string): string {
  return `\`${text}\``
}
