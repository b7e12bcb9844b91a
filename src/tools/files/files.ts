/** The tools for files under given folders, as they are declared. */
import type { AgentTool } from '../../executor/agent/tool.ts'
import { aListOf, aWord, either, type Fields, invalidOption, optional } from '../../options.ts'
import type { Builtin } from '../builtin.ts'
import { declareTool, described, flag, maybe, text, whole } from '../declare.ts'
import { findRipgrep, type Ripgrep } from './ripgrep.ts'
import { Roots } from './roots.ts'

export interface FilesOptions {
  /**
   * The folders that the tools may reach, with everything in them; default the working folder. Paths that the model
   * names are relative to the first one.
   */
  readonly roots?: readonly string[]
  /** The path of ripgrep; `false`: without it. Default: the `rg` of PATH, where there is one. */
  readonly ripgrep?: string | false
}

const TOOLS = ['read_file', 'list_files', 'search_files'] as const

const FIELDS: Fields<FilesOptions> = {
  roots: optional(aListOf('folders', one => aWord.fits(one))),
  ripgrep: optional(either({ wanted: 'false', fits: value => value === false }, aWord)),
}

export const FILES: Builtin<FilesOptions> = {
  tools: TOOLS,
  fields: FIELDS,
  make: (options, only) => {
    const { roots = ['.'], ripgrep } = options
    if (roots.length === 0) throw invalidOption('builtins.files', 'roots', 'must name a folder')
    const files = new Roots(roots)
    const rg = ripgrep === false ? undefined : (ripgrep ?? findRipgrep(files))
    const all = [...readingTools(files), ...lookingTools(files, rg)]
    return only === undefined ? all : all.filter(({ name }) => only.includes(name))
  },
}

/** The most lines of one answer. */
const MOST_LINES = 2000

function readingTools(roots: Roots): readonly AgentTool[] {
  return [
    declareTool({
      name: 'read_file',
      description:
        'Reads a text file. The answer has numbered lines: the number, a tab, the line. Of a long file it has a part; ask for others by from_line.',
      fields: {
        path: described(`The file. ${roots.hint}`, text()),
        from_line: described('The first line, from 1 on.', whole(1, Number.MAX_SAFE_INTEGER, 1)),
        lines: described('How many lines at most.', whole(1, MOST_LINES, MOST_LINES)),
      },
      onLost: 'retry',
      execute: async ({ path, from_line, lines }, { signal }) => {
        const { readLines } = await import('./read.ts')
        return await readLines(roots, path, { from: from_line, most: lines, signal })
      },
    }),
  ]
}

/** The most lines that a search answers. */
const MOST_MATCHES = 1000

function lookingTools(roots: Roots, rg: Ripgrep): readonly AgentTool[] {
  const ignored = rg === undefined ? 'node_modules and the like' : 'what .gitignore names'
  const glob = maybe(text())
  return [
    declareTool({
      name: 'list_files',
      description: `Lists what stands in a folder; with a glob, the files below it that fit (without ${ignored}). Paths are as read_file takes them.`,
      fields: {
        path: described(`The folder. ${roots.hint}`, { ...text(), otherwise: '.' }),
        glob: described('Such as *.ts (at any depth) or src/**/*.test.ts.', glob),
      },
      onLost: 'retry',
      execute: async ({ path, glob }, { signal }) => {
        const { listFiles } = await import('./list.ts')
        return await listFiles(roots, { path, glob, rg, signal })
      },
    }),
    declareTool({
      name: 'search_files',
      description: `Searches files (without ${ignored}) for lines that match a regular expression. The answer has each file, and below it the numbers and texts of its lines.`,
      fields: {
        pattern: described('A regular expression without look-around, or with literal the text itself.', text()),
        path: described(`A folder or a file. ${roots.hint}`, { ...text(), otherwise: '.' }),
        glob: described('Only files that fit, such as *.ts.', glob),
        literal: described('The pattern is no expression.', { ...flag(), otherwise: false }),
        ignore_case: { ...flag(), otherwise: false },
        lines: described('How many lines at most.', whole(1, MOST_MATCHES, 200)),
      },
      onLost: 'retry',
      execute: async ({ pattern, path, glob, literal, ignore_case: ignoreCase, lines: most }, { signal }) => {
        const { searchFiles } = await import('./search.ts')
        return await searchFiles(roots, { pattern, path, glob, literal, ignoreCase, most, rg, signal })
      },
    }),
  ]
}
