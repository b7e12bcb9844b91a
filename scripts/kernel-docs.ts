// Writes docs/kernel/ from the declarations of the machines, a page a region. `--check` only says whether it is up to date.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { HEARERS, type Hearer } from '../src/driver/project.ts'
import { auth } from '../src/kernel/auth/machine.ts'
import { emissions } from '../src/kernel/check/emitted/index.ts'
import { regionPage, spanningRules, type Words } from '../src/kernel/diagram.ts'
import { meerkat } from '../src/kernel/machine.ts'
import { mob } from '../src/kernel/mob/machine.ts'
import type { Tagged } from '../src/kernel/region.ts'
import type { Machine } from '../src/kernel/step.ts'
import { AUTH_INPUTS, AUTH_PHASES } from './kernel-words/auth.ts'
import { INPUTS } from './kernel-words/inputs.ts'
import { MOB_INPUTS, MOB_PHASES } from './kernel-words/mob.ts'
import { PHASES } from './kernel-words/phases.ts'
import { KEPT_BY } from './kernel-words/rules.ts'

const header = `# The machines

What a session, a credential and a mob decide, as the machines that run declare it. These pages are written by
\`npm run docs\`; don't edit them.

An **input** belongs to one region. The first row whose phase fits and whose conditions hold decides; with a row in this
phase but none whose conditions hold the input is refused as \`guard-rejected\`, without a row as
\`no-matching-transition\`. Regions that *follow* the input change their own part in the same step, from the state as it
was before; one can follow a single row (\`RegisterSession/new\`). What a region holds *lasts* as
long as its page says, and the machine ends it with that. A region holds *facts*, which the log brings back, or
*conditions*, which end with the process that serves.
\`meerkat verify\` walks every state of bounded worlds through these very rows, and checks each rule in each state.
`

const TITLES: Readonly<Record<string, string>> = {
  meerkat: 'The session',
  auth: 'A credential',
  mob: 'A mob',
}

/** Every page by its path within the folder. */
export function kernelPages(): ReadonlyMap<string, string> {
  const pages = new Map<string, string>()
  const sections = [sectionOf(meerkat, pages), sectionOf(auth, pages), sectionOf(mob, pages)]
  pages.set('README.md', [header, ...sections].join('\n'))
  return pages
}

function sectionOf<State, Input extends Tagged, Effect extends Tagged>(
  machine: Machine<State, Input, Effect>,
  pages: Map<string, string>,
): string {
  const lines = machine.regions.map(({ name, about, condition }) => {
    const path = `${machine.name}/${name}.md`
    const effects = machine.name === 'meerkat' ? effectsOf(name) : ''
    pages.set(path, regionPage(machine, name, wordsOf(machine.name, name)) + effects)
    return `| [${name}](${path}) | ${condition === undefined ? 'facts' : 'condition'} | ${about} |`
  })
  const table = `| region | holds | decides |\n| --- | --- | --- |\n${lines.join('\n')}\n`
  const rules = spanningRules(machine, wordsOf(machine.name))
  const spanning = rules === '' ? '' : `\nRules that span regions:\n\n${rules}\n`
  return `## ${TITLES[machine.name] ?? machine.name}: \`${machine.name}\`\n\n${table}${spanning}`
}

type Meanings = Omit<Words, 'phases'> & { readonly phases: Readonly<Record<string, Words['phases']>> }

const MEANINGS: Readonly<Record<string, Meanings>> = {
  meerkat: { inputs: INPUTS, phases: PHASES, keptBy: KEPT_BY },
  auth: { inputs: AUTH_INPUTS, phases: AUTH_PHASES },
  mob: { inputs: MOB_INPUTS, phases: MOB_PHASES },
}

function wordsOf(machine: string, region = ''): Words | undefined {
  const words = MEANINGS[machine]
  return words && { ...words, phases: words.phases[region] ?? {} }
}

const HEARD: Readonly<Record<Hearer, string>> = {
  asker: 'the handle or host that sent the input, or asked to be told',
  mob: 'the seam that joins a mob to its sessions',
  explorer: 'the explorer, whose laws read it',
  port: 'the run port, before each model call',
  later: 'nobody yet',
}

const rules: Readonly<Record<string, { readonly when: string }>> = emissions
const whenEmitted = (type: string): string => rules[type]?.when ?? ''

/** The effects of a region of the session: when each is emitted, as the explorer demands it, and who hears it. */
function effectsOf(region: string): string {
  const folder = region.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
  const path = join(import.meta.dirname, '..', 'src', 'kernel', 'regions', folder, 'effect.ts')
  if (!existsSync(path)) return ''
  const text = readFileSync(path, 'utf8')
  const rows = Object.entries(HEARERS)
    .filter(([type]) => text.includes(`'${type}'`))
    .map(
      ([type, hearer]) =>
        `| \`${type}\` | ${whenEmitted(type)} | ${typeof hearer === 'function' ? 'observers, as events; indexes' : HEARD[hearer]} |`,
    )
  return `\n## Effects\n\n| effect | emitted | heard by |\n| --- | --- | --- |\n${rows.join('\n')}\n`
}

export const kernelPagesPath: string = join(import.meta.dirname, '..', 'docs', 'kernel')

/** The pages on disk that differ from what the machines declare, by path. */
export function staleKernelPages(): readonly string[] {
  const pages = kernelPages()
  const onDisk = existsSync(kernelPagesPath)
    ? readdirSync(kernelPagesPath, { recursive: true, encoding: 'utf8' }).filter(path => path.endsWith('.md'))
    : []
  const left = onDisk.filter(path => !pages.has(path))
  const wrong = [...pages].filter(
    ([path, text]) => !onDisk.includes(path) || readFileSync(join(kernelPagesPath, path), 'utf8') !== text,
  )
  return [...left, ...wrong.map(([path]) => path)]
}

if (import.meta.main) {
  const stale = staleKernelPages()
  if (process.argv.includes('--check')) {
    if (stale.length > 0) {
      console.error(`docs/kernel is out of date (${stale.join(', ')}): run \`npm run docs\``)
      process.exitCode = 1
    }
  } else {
    rmSync(kernelPagesPath, { recursive: true, force: true })
    for (const [path, text] of kernelPages()) {
      mkdirSync(dirname(join(kernelPagesPath, path)), { recursive: true })
      writeFileSync(join(kernelPagesPath, path), text)
    }
  }
}
