// Takes the session machine's declarations apart, one thing at a time, and says what would notice.
//   npm run mutate                          every mutant, some minutes
//   npm run mutate -- --region ledger       those of one region
//   npm run mutate -- --sample 40 --seed 1  a few of all regions, with a quicker look at each
//   npm run mutate -- --thorough            explores also what unit tests notice
//   npm run mutate -- --explorer            what the explorer notices alone, at least; nothing is judged
//   npm run mutate -- --write               into docs/mutation.md
// Ends with 1 if there is a mutant that nothing notices and that docs/mutation.md does not name.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Mutant, mutantsOf } from '../src/kernel/check/mutate.ts'
import { campaign, glance, looks, type Verdict } from './mutate/campaign.ts'
import { isHole, listedIn, page, sharesOf, table } from './mutate/report.ts'
import { failingAnyway } from './mutate/unit-tests.ts'

const { values } = parseArgs({
  options: {
    region: { type: 'string' },
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    thorough: { type: 'boolean', default: false },
    explorer: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})

const pagePath = new URL('../docs/mutation.md', import.meta.url)

/** Some of each region in turn, in an order that the seed decides. */
function sampled(mutants: readonly Mutant[], size: number, seed: number): readonly Mutant[] {
  let state = seed
  const random = (): number => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296
    return state / 4_294_967_296
  }
  const shuffled = mutants.map(mutant => ({ mutant, at: random() })).toSorted((a, b) => a.at - b.at)
  const turns = [...Map.groupBy(shuffled, ({ mutant }) => mutant.region).values()].flatMap(some =>
    some.map((one, turn) => ({ ...one, turn })),
  )
  return turns
    .toSorted((a, b) => a.turn - b.turn || a.at - b.at)
    .slice(0, size)
    .map(({ mutant }) => mutant)
}

function tell(progress: string): void {
  console.error(`${process.uptime().toFixed(0)} s  ${progress}`)
}

async function main(): Promise<number> {
  if (values.explorer) {
    const noticed = await looks(mutantsOf(values.region), tell)
    for (const group of ['region', 'mutation'] as const)
      console.log(`${sharesOf(noticed, ({ mutant }) => mutant[group])}\n`)
    return 0
  }
  const failing = await failingAnyway()
  if (failing.length > 0) console.error(`left out, for they fail without any mutant: ${failing.join('; ')}`)
  const all = mutantsOf(values.region)
  if (all.length === 0) throw new Error(`there is no region ${values.region}`)
  const verdicts: readonly Verdict[] =
    values.sample === undefined
      ? await campaign(all, values.thorough, tell)
      : await glance(sampled(all, Number(values.sample), Number(values.seed)), tell)
  console.log(table('region', verdicts, ({ mutant }) => mutant.region))
  if (values.write) writeFileSync(pagePath, page(verdicts))
  const known = existsSync(pagePath) ? listedIn(readFileSync(pagePath, 'utf8')) : new Set()
  const holes = verdicts.filter(
    one => (isHole(one) || (values.sample !== undefined && one.isEquivalent)) && !known.has(one.mutant.id),
  )
  for (const { mutant, differsIn } of holes) console.log(`not noticed: ${mutant.id} (${differsIn.join(', ')})`)
  return holes.length === 0 ? 0 : 1
}

process.exitCode = await main()
