/** A release to come: this source in a folder of its own, with another version and one more migration. */
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const HERE = fileURLToPath(new URL('../..', import.meta.url))
const MIGRATIONS = 'src/store/postgres/migrations'
/** What a member of the fleet is made of. */
const PARTS = ['src', 'package.json', 'test/fleet/member.ts', 'test/fleet/plan.ts', 'test/crash']

export interface NextRelease {
  readonly folder: string
  readonly version: string
  /** The step that its migration brings the schema to. */
  readonly step: number
}

/**
 * Builds it into `folder`. `shutsOut`: whether releases before it can't go on beside it; they can where it only adds.
 */
export function nextRelease(folder: string, { shutsOut }: { readonly shutsOut: boolean }): NextRelease {
  const version = '99.0.0'
  mkdirSync(folder, { recursive: true })
  for (const part of PARTS) cpSync(join(HERE, part), join(folder, part), { recursive: true })
  symlinkSync(join(HERE, 'node_modules'), join(folder, 'node_modules'))
  rewrite(join(folder, 'package.json'), text => text.replace(/"version": "[^"]+"/, `"version": "${version}"`))
  rewrite(join(folder, 'src/version.ts'), text => text.replace(/version = '[^']+'/, `version = '${version}'`))
  const step = readdirSync(join(folder, MIGRATIONS)).filter(file => file.endsWith('.sql')).length + 1
  const sql = `-- min_reader: ${shutsOut ? step : 1}
ALTER TABLE heads ADD COLUMN colour text;
ALTER TABLE log ADD COLUMN colour text;
`
  writeFileSync(join(folder, MIGRATIONS, `${String(step).padStart(4, '0')}-colours.sql`), sql)
  return { folder, version, step }
}

function rewrite(path: string, change: (text: string) => string): void {
  const before = readFileSync(path, 'utf8')
  const after = change(before)
  if (after === before) throw new Error(`${path} is not as it was expected`)
  writeFileSync(path, after)
}
