// The house rules, one row each. A rule looks at one file and names what breaks it.
import { importProblem } from './layers.ts'
import type { Fact, Source } from './source.ts'

interface Finding {
  readonly line: number
  readonly text: string
}

interface Rule {
  readonly id: string
  readonly text: string
  readonly find: (source: Source, project: Project) => readonly Finding[]
}

/** What a rule knows besides the file. */
export interface Project {
  /** Packages that are installed with ours, or may be. */
  readonly runtimePackages: ReadonlySet<string>
}

const maxFileLines = 400
const maxFunctionLines = 60

/** Tests that wait for the clock, each with the reason why it can wait for nothing better. */
const sleepAllowed: Readonly<Record<string, string>> = {
  'test/fleet/campaign.ts': 'paces its load and its blows: how long processes are suspended is what it is about',
  'test/fleet/feed.ts': 'paces its load: so many inputs a second are what it is about',
  'test/crash/campaign.ts': 'it kills a process at a random moment, and no fact tells when that is',
}

export const rules: readonly Rule[] = [
  {
    id: 'parses',
    text: 'every file parses',
    find: ({ broken }) => (broken === undefined ? [] : [{ line: 1, text: broken }]),
  },
  {
    id: 'file-length',
    text: `a file has at most ${maxFileLines} lines`,
    find: ({ lines }) => (lines > maxFileLines ? [{ line: 1, text: `${lines} lines` }] : []),
  },
  {
    id: 'function-length',
    text: `a function has at most ${maxFunctionLines} lines`,
    find: ({ functions }) =>
      functions.filter(f => f.lines > maxFunctionLines).map(({ line, lines }) => ({ line, text: `${lines} lines` })),
  },
  { id: 'any', text: 'no `any`: say what it is, or `unknown`', find: facts('any') },
  { id: 'enum', text: 'no enums: a union of string literals needs no run-time object', find: facts('enum') },
  { id: 'namespace', text: 'no namespaces: a module is one already', find: facts('namespace') },
  {
    id: 'default-export',
    text: 'no default exports: one thing, one name (tools that read a config file want one there)',
    find: facts('default-export', path => !path.endsWith('.config.ts')),
  },
  {
    id: 'export-all',
    text: '`export *` only in an index file',
    find: facts('export-all', path => !path.endsWith('/index.ts')),
  },
  { id: 'bare-todo', text: 'a TODO or FIXME says in words what is missing', find: facts('bare-todo') },
  {
    id: 'nameless-actor',
    text: 'a comment in src names the actor: caller, owner, driver, executor, host, process, ...',
    find: facts('nameless-actor', path => path.startsWith('src/')),
  },
  {
    id: 'sleep',
    text: 'a test waits for a fact, never for the clock',
    find: facts('sleep', path => path.startsWith('test/') && !(path in sleepAllowed)),
  },
  {
    id: 'pure-kernel',
    text: 'the kernel has no clock, no randomness and no I/O: they come in with the input',
    find: facts('impure', path => path.startsWith('src/kernel/')),
  },
  { id: 'import-direction', text: 'imports in src follow scripts/tidy/layers.ts', find: importDirections },
  {
    id: 'declared-package',
    text: 'src imports only packages that whoever installs ours has',
    find: undeclaredPackages,
  },
  {
    id: 'example-imports',
    text: 'examples import the package by its name, as a user does',
    find: ({ path, imports }) =>
      path.startsWith('examples/')
        ? imports.filter(i => i.specifier.includes('/src/')).map(i => ({ line: i.line, text: i.specifier }))
        : [],
  },
]

function facts(kind: Fact['kind'], applies: (path: string) => boolean = () => true): Rule['find'] {
  return source => (applies(source.path) ? source.facts.filter(fact => fact.kind === kind) : [])
}

function importDirections({ path, imports }: Source): Finding[] {
  if (!path.startsWith('src/')) return []
  return imports.flatMap(found => {
    const text = importProblem(path, found)
    return text === undefined ? [] : [{ line: found.line, text }]
  })
}

function undeclaredPackages({ path, imports }: Source, { runtimePackages }: Project): Finding[] {
  if (!path.startsWith('src/')) return []
  return imports
    .filter(({ specifier, typeOnly }) => !typeOnly && !/^(\.|node:|meerkat-ts)/.test(specifier))
    .filter(({ specifier }) => !runtimePackages.has(packageOf(specifier)))
    .map(({ specifier, line }) => ({ line, text: specifier }))
}

function packageOf(specifier: string): string {
  const [scopeOrName = '', name = ''] = specifier.split('/')
  return scopeOrName.startsWith('@') ? `${scopeOrName}/${name}` : scopeOrName
}

/** Node 22.16, which the package supports, takes a statement's values only for parameters without a number. */
export function findNumbered(path: string, text: string): Finding[] {
  if (!path.startsWith('src/store/sqlite/')) return []
  return text.split('\n').flatMap((content, index) => {
    const found = /\?\d/.exec(content)
    return found ? [{ line: index + 1, text: `${found[0]}: Node 22.16 binds only plain \`?\`` }] : []
  })
}

/** Places that exist on one machine only. The patterns are written so that they do not match themselves. */
const leaks: readonly { readonly text: string; readonly pattern: RegExp }[] = [
  { text: 'a path of one machine', pattern: /(?<![\w.~-])[/](?:work|root|home[/]\w+|Users[/]\w+)(?=[/"'`\s)]|$)/ },
  { text: 'the host of a package registry', pattern: /https?:[/]{2}[\w.-]*(?:registry|npmmirror|verdaccio)[\w.-]*/ },
]

/** Lines of any text file, lock files and documents included, that make sense on one machine only. */
export function findLeaks(text: string): Finding[] {
  return text.split('\n').flatMap((content, index) => {
    const leak = leaks.find(({ pattern }) => pattern.test(content))
    return leak ? [{ line: index + 1, text: leak.text }] : []
  })
}
