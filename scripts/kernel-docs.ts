// Writes docs/kernel.md from the kernel's declaration. `--check` only says whether the page is up to date.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { diagramOf, phasedRegions, tableOf } from '../src/kernel/diagram.ts'
import { meerkat } from '../src/kernel/machine.ts'

const header = `# The session kernel

What a session decides, as the machine that runs declares it. This page is written by \`node scripts/kernel-docs.ts\`;
don't edit it.

An **input** belongs to one region. The first row whose phase fits and whose conditions hold decides; with a row in this
phase but none whose conditions hold the input is refused as \`guard-rejected\`, without a row as
\`no-matching-transition\`. Regions that *follow* the input change their own part in the same step, from the state as it
was before. \`meerkat verify\` walks every state of bounded worlds through these very rows, and checks each rule below in
each state.
`

/** The page as it should be. */
export function kernelPage(): string {
  const diagrams = phasedRegions(meerkat).map(
    name => `### ${name}\n\n\`\`\`mermaid\n${diagramOf(meerkat, name).mermaid}\`\`\`\n`,
  )
  return [header, '## Phases\n', ...diagrams, tableOf(meerkat)].join('\n')
}

export const kernelPagePath: string = join(import.meta.dirname, '..', 'docs', 'kernel.md')

if (import.meta.main) {
  if (!process.argv.includes('--check')) writeFileSync(kernelPagePath, kernelPage())
  else if (readFileSync(kernelPagePath, 'utf8') !== kernelPage()) {
    console.error('docs/kernel.md is out of date: run `node scripts/kernel-docs.ts`')
    process.exitCode = 1
  }
}
