// The result of a campaign of mutants, in words.

import type { Mutation } from '../../src/kernel/check/mutate.ts'
import { meerkat } from '../../src/kernel/machine.ts'
import type { Verdict } from './campaign.ts'
import { reasonFor } from './reasons.ts'

const isExplored = ({ faults }: Verdict): boolean => faults.length > 0
const isTested = (one: Verdict): boolean => !isExplored(one) && one.failing !== undefined
const isNoticed = (one: Verdict): boolean => isExplored(one) || isTested(one)
const isEquivalent = (one: Verdict): boolean => !isNoticed(one) && one.isEquivalent
const isExplained = (one: Verdict): boolean =>
  !isNoticed(one) && !one.isEquivalent && reasonFor(one.mutant.id) !== undefined

/** The mutant does otherwise somewhere, nothing finds it, and no reason is given. */
export const isHole = (one: Verdict): boolean => !isNoticed(one) && !one.isEquivalent && !isExplained(one)

const COLUMNS: readonly (readonly [title: string, is: (one: Verdict) => boolean])[] = [
  ['mutants', () => true],
  ['explorer', isExplored],
  ['tests only', isTested],
  ['equivalent', isEquivalent],
  ['explained', isExplained],
  ['not noticed', isHole],
]

/** A row for each group: how many mutants, what found them, and the share of those that can be found. */
export function table(title: string, verdicts: readonly Verdict[], groupOf: (one: Verdict) => string): string {
  const groups = [...Map.groupBy(verdicts, groupOf), ['**all**', verdicts] as const]
  const rows = groups.map(([name, some]) => {
    const counts = COLUMNS.map(([, is]) => some.filter(is).length)
    const noticed = some.filter(isNoticed).length
    const noticeable = noticed + some.filter(isHole).length
    const score = noticeable === 0 ? '–' : `${((100 * noticed) / noticeable).toFixed(1)} %`
    return `| ${[name, ...counts, score].join(' | ')} |`
  })
  const head = [title, ...COLUMNS.map(([name]) => name), 'score']
  return [`| ${head.join(' | ')} |`, `|${head.map((_, at) => (at === 0 ? '---|' : '--:|')).join('')}`, ...rows].join(
    '\n',
  )
}

/** How many mutants of each group the explorer found. */
export function sharesOf(verdicts: readonly Verdict[], groupOf: (one: Verdict) => string): string {
  return [...Map.groupBy(verdicts, groupOf), ['all', verdicts] as const]
    .map(([name, some]) => `${name}: ${some.filter(isExplored).length} of ${some.length}`)
    .join('\n')
}

/** The whole page. */
export function page(verdicts: readonly Verdict[]): string {
  const broken = new Map<string, number>()
  for (const fault of verdicts.flatMap(({ faults }) => faults.filter(one => !one.startsWith('never taken'))))
    broken.set(fault, (broken.get(fault) ?? 0) + 1)
  const unbroken = meerkat.invariants.filter(({ id }) => !broken.has(id))
  return [
    `# Mutants of the session machine

Written by \`npm run mutate -- --write\`; don't edit it. Each mutant is the session machine with one declared thing
changed: a guard dropped or negated, a row deleted, widened to all phases or swapped with the one above it, its change or
one of its effects dropped, a follower deleted. A mutant is noticed by the **explorer**, which breaks an invariant, a
promise about steps or a liveness property, or never takes a declared edge any more; or by the unit tests in
\`test/kernel\` (**tests only**). It is **equivalent** if it does the same as the real machine on every input in every
state that the quick configurations reach. The score leaves out those and the explained ones.

${table('region', verdicts, ({ mutant }) => mutant.region)}

${table('change', verdicts, ({ mutant }) => mutant.mutation satisfies Mutation)}
`,
    '## What told\n',
    'Invariants, promises about steps and liveness properties, with the mutants in which they were the first to break.\n',
    [...broken]
      .toSorted(([, a], [, b]) => b - a)
      .map(([name, count]) => `- \`${name}\`: ${count}`)
      .join('\n'),
    `\nInvariants that no mutant broke: ${unbroken.length === 0 ? 'none.' : unbroken.map(({ id }) => `\`${id}\``).join(', ')}\n`,
    sectionOf(
      'Not noticed',
      verdicts.filter(isHole),
      ({ differsIn }) => ` (differs in ${differsIn.slice(0, 3).join(', ')})`,
    ),
    sectionOf('Explained', verdicts.filter(isExplained), ({ mutant }) => `: ${reasonFor(mutant.id)}`),
    sectionOf('Equivalent', verdicts.filter(isEquivalent), () => ''),
  ].join('\n')
}

function sectionOf(title: string, verdicts: readonly Verdict[], more: (one: Verdict) => string): string {
  const lines = verdicts.map(one => `- \`${one.mutant.id}\`${more(one)}`)
  return `## ${title}\n\n${lines.length === 0 ? 'None.' : lines.join('\n')}\n`
}

/** The ids that a page lists as not found, explained or equivalent. */
export function listedIn(text: string): ReadonlySet<string> {
  return new Set([...text.matchAll(/^- `([^`]+\/[^`]+)`/gm)].map(([, id = '']) => id))
}
