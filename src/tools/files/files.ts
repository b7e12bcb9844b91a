/** The tools for files under given folders, as they are declared. */
import type { AgentTool } from '../../executor/agent/tool.ts'
import { aListOf, aWord, type Fields, invalidOption, optional } from '../../options.ts'
import type { Builtin } from '../builtin.ts'
import { declareTool, described, text, whole } from '../declare.ts'
import { Roots } from './roots.ts'

export interface FilesOptions {
  /**
   * The folders that the tools may reach, with everything in them; default the working folder. Paths that the model
   * names are relative to the first one.
   */
  readonly roots?: readonly string[]
}

const TOOLS = ['read_file'] as const

const FIELDS: Fields<FilesOptions> = {
  roots: optional(aListOf('folders', one => aWord.fits(one))),
}

export const FILES: Builtin<FilesOptions> = {
  tools: TOOLS,
  fields: FIELDS,
  make: (options, only) => {
    const { roots = ['.'] } = options
    if (roots.length === 0) throw invalidOption('builtins.files', 'roots', 'must name a folder')
    const files = new Roots(roots)
    const all = readingTools(files)
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
