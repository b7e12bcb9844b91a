// Bundles src/ into few files, because a process spends longer on finding, reading and linking a hundred small modules
// than on its first turn. There is one file for each entry of package.json, and shared files for what several need.
// Other packages stay as they are.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type OutputAsset, type OutputChunk, type Plugin, rolldown } from 'rolldown'

interface Manifest {
  readonly bin: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
}

/** What nearly every process needs, by layers: the kernel and the client must not load what only Node has. */
const SHARED = [
  { name: 'kernel', test: /\/src\/kernel\/(?!auth\/|check\/|mob\/|classify|composition|diagram|index|queries)/ },
  { name: 'base', test: /\/src\/(defined|errors|faults|foreign|ids|input-events|options|time|version)\.ts$/ },
  {
    name: 'core',
    test: /\/src\/(events|in-time|observer|text)\.ts$|\/src\/(driver|loop)\/|\/src\/session\/(?!transfer\/)|\/src\/store\/(?!memory\.ts)([a-z-]+\.ts|memory\/)/,
  },
  { name: 'agent', test: /\/src\/executor\/(?!agent\/index)[a-z/-]+\.ts$/ },
  {
    name: 'cli',
    test: /\/src\/surfaces\/cli\/(command-table|failure|outlet|output|parse-args|program|settings|shell)\.ts$/,
  },
  { name: 'session', test: /\/src\/surfaces\/cli\/(connection|prompt|target-session|tools|watch-input)\.ts$/ },
]

/** Writes the package's JavaScript into dist/, and answers the paths of the files, relative to dist/. */
export async function bundle(root: string): Promise<ReadonlySet<string>> {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
  const packages = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)]
  await using build = await rolldown({
    cwd: root,
    input: { ...entriesOf(manifest), [NODE_CHECK]: `src/${NODE_CHECK}.ts` },
    platform: 'node',
    // Syntax that older Nodes can read too: they get as far as the check of their version, which says what is wrong.
    transform: { target: 'es2022' },
    external: id => packages.some(name => id === name || id.startsWith(`${name}/`)),
    treeshake: { moduleSideEffects: false },
    plugins: [quickToLoad, checkedFirst(manifest)],
    onLog: (level, log) => {
      // It is no mistake that one entry loads a module late and another at once.
      if (level === 'warn' && log.code !== 'INEFFECTIVE_DYNAMIC_IMPORT') throw new Error(log.message)
    },
  })
  const { output } = await build.write({
    dir: join(root, 'dist'),
    format: 'esm',
    sourcemap: true,
    // Names that stay the same from build to build, so that a running command finds what it loads late.
    chunkFileNames: 'chunks/[name].js',
    minifyInternalExports: false,
    // The declarations have the documentation, and the source maps the source.
    comments: { jsdoc: false },
    codeSplitting: { groups: SHARED },
  })
  checkPortable(output)
  return new Set(output.map(({ fileName }) => fileName))
}

/** Entries that run without Node: neither they nor what they share with others may import from it. */
const PORTABLE = ['kernel-entry/index.js', 'client/index.js']

function checkPortable(output: readonly (OutputChunk | OutputAsset)[]): void {
  const chunks = new Map(output.flatMap(file => (file.type === 'chunk' ? [[file.fileName, file] as const] : [])))
  const reached = new Set(PORTABLE)
  for (const name of reached) {
    const chunk = chunks.get(name)
    for (const imported of [...(chunk?.imports ?? []), ...(chunk?.dynamicImports ?? [])]) reached.add(imported)
    if (name.startsWith('node:') || chunk?.code.includes('getBuiltinModule') === true) {
      throw new Error(
        `${PORTABLE.join(' or ')} comes to load ${name}, which needs Node: see SHARED in scripts/bundle.ts`,
      )
    }
  }
}

/** `dist/a/b.js` in the manifest is `src/a/b.ts`. */
function entriesOf({ bin, exports }: Pick<Manifest, 'bin' | 'exports'>): Record<string, string> {
  const files = [...Object.values(bin), ...Object.values(exports).map(to => (typeof to === 'string' ? to : to.default))]
  const names = files.flatMap(file => /dist\/(.+)\.js$/.exec(file)?.[1] ?? [])
  return Object.fromEntries(names.map(name => [name, `src/${name}.ts`]))
}

const IMPORT = /^import (?:(\w+)(?:, )?)?(?:\{ ([^}]+) \})? ?from "(node:[\w/]+)";$/gm

/**
 * Takes Node's own modules without `import`: an `import` of one copies every export, which loads what is behind its
 * lazy ones, such as streams and promises just for `readFileSync`. Writes characters that are not ASCII (they only
 * stand in texts) as escapes, so that the engine keeps a file as bytes.
 */
const quickToLoad: Plugin = {
  name: 'quick-to-load',
  generateBundle: (_, files) => {
    for (const file of Object.values(files)) {
      // Line by line, so that the source map stays true.
      if (file.type === 'chunk') file.code = file.code.replace(IMPORT, fromNode).replaceAll(NOT_ASCII, escaped)
    }
  },
}

/** The module that checks the version of Node. */
const NODE_CHECK = 'node-check'

/**
 * Makes the check of Node's version the first import of every entry in `exports`: imports run in order, so an old Node
 * reads the message before it meets anything that it lacks. The command has a check of its own, which ends with a
 * status.
 */
function checkedFirst({ bin, exports }: Manifest): Plugin {
  const entries = new Set(Object.keys(entriesOf({ bin: {}, exports })))
  const commands = new Set(Object.keys(entriesOf({ bin, exports: {} })))
  return {
    name: 'checked-first',
    generateBundle: (_, files) => {
      for (const file of Object.values(files)) {
        if (file.type !== 'chunk') continue
        // On the first line, so that the source map stays true.
        if (entries.has(file.name))
          file.code = `import "${'../'.repeat(depthOf(file.fileName)) || './'}${NODE_CHECK}.js";${file.code}`
        if (commands.has(file.name) && file.imports.some(name => !name.endsWith('node-version.js'))) {
          throw new Error(`${file.fileName} must load nothing before its own check`)
        }
      }
    },
  }
}

function depthOf(fileName: string): number {
  return fileName.split('/').length - 1
}

const NOT_ASCII = /[\u0080-\uffff]/g

function fromNode(_: string, whole: string | undefined, names: string | undefined, from: string): string {
  const taken = [whole, names && `{ ${names.replaceAll(' as ', ': ')} }`].filter(part => part !== undefined)
  return taken.map(part => `const ${part} = process.getBuiltinModule("${from}");`).join(' ')
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
