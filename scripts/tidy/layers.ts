// Who may import whom in src/. The table is the rule: read it from top to bottom.
import { isBuiltin } from 'node:module'
import { posix } from 'node:path'
import type { Import } from './source.ts'

interface Layer {
  /** A folder of src/, a file there without its ending, or a longer path that splits a folder in two. */
  readonly name: string
  /** Layers whose code it may import. Absent: every layer above it in the table. */
  readonly sees?: readonly string[]
  /** Layers whose types it may import besides. */
  readonly seesTypesOf?: readonly string[]
  /** What it may import from outside: anything (absent), what a browser has too, or nothing. */
  readonly outside?: 'browser' | 'nothing'
}

export const layers: readonly Layer[] = [
  { name: 'kernel', sees: [], outside: 'nothing' },
  { name: 'foreign', sees: [], outside: 'browser' },
  { name: 'errors', sees: ['foreign'], outside: 'browser' },
  { name: 'names', sees: ['errors'], outside: 'browser' },
  { name: 'file-data', sees: [], outside: 'browser' },
  { name: 'time', sees: ['foreign', 'errors'], outside: 'browser' },
  { name: 'options', sees: ['foreign', 'errors', 'time'], outside: 'browser' },
  { name: 'unreadable', sees: ['options'], outside: 'browser' },
  { name: 'kernel-entry', sees: ['kernel', 'options', 'time'], outside: 'browser' },
  { name: 'progress', sees: ['foreign', 'time'], outside: 'browser' },
  { name: 'in-time', sees: ['foreign', 'time'] },
  { name: 'defined', sees: [], outside: 'browser' },
  { name: 'faults', sees: [], outside: 'browser' },
  { name: 'ids', sees: ['kernel', 'time', 'options'], outside: 'browser' },
  { name: 'node-version', sees: [], outside: 'browser' },
  { name: 'node-check', sees: ['node-version'], outside: 'browser' },
  { name: 'turns', sees: [] },
  { name: 'version', sees: [], outside: 'browser' },
  { name: 'cursor', sees: [], outside: 'browser' },
  { name: 'input-events', sees: ['cursor'], outside: 'browser' },
  { name: 'store' },
  { name: 'events', sees: ['kernel', 'store'], outside: 'browser' },
  { name: 'text', sees: ['store'], outside: 'browser' },
  { name: 'usage', sees: ['store'], outside: 'browser' },
  { name: 'observer', sees: ['foreign', 'kernel', 'store'], outside: 'browser' },
  { name: 'driver' },
  { name: 'executor/executor', sees: ['kernel', 'errors', 'time', 'store', 'observer'] },
  { name: 'loop' },
  // The schemas of operations stand beneath the runtime: its door and the surfaces check by the same ones.
  { name: 'surfaces/invalid-params', sees: ['errors', 'foreign'], outside: 'browser' },
  {
    name: 'surfaces/operation',
    sees: ['errors', 'foreign'],
    outside: 'browser',
  },
  {
    name: 'surfaces/operations',
    sees: ['surfaces/operation', 'surfaces/invalid-params', 'errors', 'names', 'file-data', 'time', 'observer'],
    outside: 'browser',
  },
  { name: 'auth' },
  { name: 'session' },
  { name: 'telemetry', sees: ['options', 'observer', 'kernel', 'store', 'version'] },
  { name: 'handles' },
  { name: 'host' },
  // What a tool is: also for tools that come with the package, and for those of other programs.
  { name: 'executor/agent/still-running', sees: ['foreign', 'options', 'time'] },
  {
    name: 'executor/agent/tool',
    sees: [
      'foreign',
      'errors',
      'options',
      'time',
      'defined',
      'kernel',
      'executor/executor',
      'executor/agent/still-running',
    ],
  },
  { name: 'tools' },
  { name: 'mcp' },
  { name: 'comms' },
  { name: 'mob' },
  { name: 'live' },
  { name: 'executor' },
  { name: 'runtime' },
  {
    name: 'client',
    sees: ['errors', 'foreign', 'options', 'input-events'],
    seesTypesOf: ['surfaces', 'surfaces/operations', 'kernel', 'events'],
    outside: 'browser',
  },
  { name: 'surfaces' },
  { name: 'server' },
  { name: 'index' },
  { name: 'testing' },
]

/** The most specific layer that holds a path such as `src/store/sqlite/open.ts`. */
function layerOf(path: string): Layer | undefined {
  const inside = path.replace(/^src\//, '').replace(/\.ts$/, '')
  return layers
    .filter(({ name }) => inside === name || inside.startsWith(`${name}/`))
    .toSorted((a, b) => b.name.length - a.name.length)[0]
}

/** What is wrong with this import of a file in src/, in words; undefined: nothing. */
export function importProblem(path: string, { specifier, typeOnly }: Import): string | undefined {
  const from = layerOf(path)
  if (!from) return 'the file is in no layer: give it a row in scripts/tidy/layers.ts'
  if (!specifier.startsWith('.')) return outsideProblem(from, specifier)
  const target = posix.join(posix.dirname(path), specifier)
  if (!target.startsWith('src/')) return `src must not import ${target}`
  const to = layerOf(target)
  if (!to) return `${target} is in no layer: give it a row in scripts/tidy/layers.ts`
  if (from.name === to.name || seen(from).includes(to.name)) return undefined
  if (typeOnly && from.seesTypesOf?.includes(to.name)) return undefined
  return `${from.name} must not import ${to.name}`
}

function seen(layer: Layer): readonly string[] {
  return layer.sees ?? layers.slice(0, layers.indexOf(layer)).map(({ name }) => name)
}

function outsideProblem({ name, outside }: Layer, specifier: string): string | undefined {
  if (specifier === 'meerkat-ts' || specifier.startsWith('meerkat-ts/')) return 'src imports its own files by path'
  if (outside === 'nothing') return `${name} imports nothing from outside, found ${specifier}`
  if (outside === 'browser' && isBuiltin(specifier)) return `${name} runs in a browser too, found ${specifier}`
  return undefined
}
