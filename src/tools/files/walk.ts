/**
 * The files below a folder, in the order of their names. By ripgrep where there is one, which leaves out what
 * `.gitignore` says; by our own walk elsewhere. Links are not followed.
 */
import type { Dirent } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { toolFailure } from '../failure.ts'
import { type Ripgrep, rgLines } from './ripgrep.ts'
import { type Folder, failed, type Roots } from './roots.ts'

/** Never of use to a model, and often huge. */
const LEFT_OUT: ReadonlySet<string> = new Set(['.git', '.meerkat'])
/** Besides, where nothing reads `.gitignore`. */
const USUALLY_IGNORED: ReadonlySet<string> = new Set(['node_modules', '.venv', '__pycache__'])

/** How much of a tree our own walk looks at. */
const MOST_ENTRIES = 200_000
const DEEPEST = 100
/** How many entries of one folder are read. */
const MOST_IN_FOLDER = 20_000

/** What ripgrep leaves out besides, as flags. */
export const RG_FILES: readonly string[] = [
  '--no-config',
  '--hidden',
  '--no-messages',
  ...[...LEFT_OUT].map(name => `--glob=!**/${name}`),
]

/** A file found by a walk, with its open folder until the walk goes on. */
export interface Found {
  /** Relative to the folder of the walk. */
  readonly path: string
  readonly folder: Folder
  readonly name: string
}

/** The paths of the files, relative to the folder. */
export async function* filesBelow(
  roots: Roots,
  folder: Folder,
  { rg, signal }: { readonly rg: Ripgrep; readonly signal: AbortSignal },
): AsyncGenerator<string, void, void> {
  const lines = await rgLines(rg, {
    args: ['--files', '--null', '--sort=path', ...RG_FILES],
    folder,
    signal,
    end: '\0',
  })
  if (lines === undefined) {
    for await (const { path } of walk(roots, folder, signal)) yield path
    return
  }
  for await (const line of lines) {
    const path = line.toString('utf8')
    if (Buffer.from(path).equals(line)) yield path.replace(/^\.\//, '')
  }
}

/** Our own walk. */
export async function* walk(roots: Roots, top: Folder, signal: AbortSignal): AsyncGenerator<Found, void, void> {
  const budget = { left: MOST_ENTRIES }
  yield* walkIn({ roots, signal, budget }, top, '', 0)
}

interface Walk {
  readonly roots: Roots
  readonly signal: AbortSignal
  readonly budget: { left: number }
}

async function* walkIn(of: Walk, folder: Folder, prefix: string, depth: number): AsyncGenerator<Found, void, void> {
  for (const { name, entry } of await entriesOf(folder, prefix)) {
    of.signal.throwIfAborted()
    if (name === undefined || --of.budget.left < 0) continue
    if (entry.isFile()) yield { path: prefix + name, folder, name }
    if (!entry.isDirectory() || depth >= DEEPEST || LEFT_OUT.has(name) || USUALLY_IGNORED.has(name)) continue
    const inner = await of.roots.folderIn(folder, name).catch(() => undefined)
    if (inner === undefined) continue
    try {
      yield* walkIn(of, inner, `${prefix}${name}/`, depth + 1)
    } finally {
      await inner.close()
    }
  }
}

/** An entry; one whose name is not UTF-8 has none that a path could say. */
export interface Entry {
  readonly name: string | undefined
  readonly bytes: Buffer
  readonly entry: Dirent<Buffer>
}

/** What stands in a folder, by name. */
export async function entriesOf(folder: Folder, path: string): Promise<readonly Entry[]> {
  const all = await readdir(folder.at('.'), { withFileTypes: true, encoding: 'buffer' }).catch((error: unknown) => {
    throw failed(path, error)
  })
  if (all.length > MOST_IN_FOLDER)
    throw toolFailure('too-large', `a folder has ${all.length} entries, and at most ${MOST_IN_FOLDER} can be looked at`)
  return all
    .map(entry => {
      const text = entry.name.toString('utf8')
      return { name: Buffer.from(text).equals(entry.name) ? text : undefined, bytes: entry.name, entry }
    })
    .toSorted((a, b) => Buffer.compare(a.bytes, b.bytes))
}
