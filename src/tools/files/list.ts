/** Lists a folder, or the files below it that fit a glob. */
import { globOf } from './glob.ts'
import type { Ripgrep } from './ripgrep.ts'
import { quoted, type Roots } from './roots.ts'
import { type Entry, entriesOf, filesBelow } from './walk.ts'

export interface Listing {
  readonly path: string
  /** Absent: what stands in the folder itself. */
  readonly glob?: string | undefined
  readonly rg: Ripgrep
  readonly signal: AbortSignal
}

const MOST = 1000

/** The list, as the model is told it: one a line, folders with a slash at their end. */
export async function listFiles(roots: Roots, { path, glob, rg, signal }: Listing): Promise<string> {
  const folder = await roots.folder(path)
  try {
    const shown = roots.shown(folder.real)
    if (glob === undefined) return listed(quoted(shown), (await entriesOf(folder, path)).map(lineOf))
    const fits = globOf(glob)
    const found: string[] = []
    for await (const one of filesBelow(roots, folder, { rg, signal })) {
      if (fits(one)) found.push(quoted(shown === '.' ? one : `${shown}/${one}`))
      if (found.length > MOST) break
    }
    return listed(`${quoted(shown)} with ${glob}`, found)
  } finally {
    await folder.close()
  }
}

function listed(what: string, lines: readonly string[]): string {
  if (lines.length === 0) return `${what}: nothing`
  const more = lines.length > MOST ? `, cut after ${MOST}: name a folder or a glob that fits less` : ''
  return [`${what}: ${Math.min(lines.length, MOST)}${more}`, ...lines.slice(0, MOST)].join('\n')
}

function lineOf({ name, bytes, entry }: Entry): string {
  if (name === undefined) return `${escaped(bytes)} (the name is not UTF-8: no path can say it)`
  if (entry.isDirectory()) return `${quoted(name)}/`
  if (entry.isSymbolicLink()) return `${quoted(name)} (link)`
  return entry.isFile() ? quoted(name) : `${quoted(name)} (no plain file)`
}

function escaped(bytes: Buffer): string {
  return `"${bytes.toString('latin1').replaceAll(/[^ -~]/g, char => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)}"`
}
