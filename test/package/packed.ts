/** The packed package as a stranger has it: unpacked into a folder of its own, beside what it depends on. */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const ROOT = join(import.meta.dirname, '../..')
const exec = promisify(execFile)

export interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly engines: { readonly node: string }
}

export const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest

/** Every door of the package as importers write it. */
export const subpaths: readonly string[] = Object.keys(manifest.exports)
  .filter(name => !name.endsWith('.json'))
  .map(name => name.replace(/^\./, 'meerkat-ts'))

/** The Nodes to try it on; those of test/package/nodes are there after `npm ci --prefix test/package/nodes`. */
export function nodeAt(name: 'node20' | 'node22-oldest' | 'node22' | 'current'): string | undefined {
  const path = name === 'current' ? process.execPath : join(import.meta.dirname, 'nodes/node_modules', name, 'bin/node')
  return existsSync(path) ? path : undefined
}

export interface Ended {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** A project that has the package installed. */
export class Project implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), 'meerkat-packed-'))

  static async packed(): Promise<Project> {
    const project = new Project()
    const modules = join(project.path, 'node_modules')
    mkdirSync(join(modules, 'meerkat-ts'), { recursive: true })
    const { stdout } = await exec('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', project.path], {
      cwd: ROOT,
    })
    const [{ filename }] = JSON.parse(stdout) as [{ readonly filename: string }]
    await exec('tar', ['xzf', join(project.path, filename), '-C', join(modules, 'meerkat-ts'), '--strip-components=1'])
    for (const name of Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })) {
      const installed = join(ROOT, 'node_modules', name)
      if (name === 'node' || !existsSync(installed)) continue
      mkdirSync(dirname(join(modules, name)), { recursive: true })
      symlinkSync(installed, join(modules, name))
    }
    return project
  }

  file(name: string, text?: string): string {
    const path = join(this.path, name)
    if (text !== undefined) writeFileSync(path, text)
    return path
  }

  /** Runs a Node with these words in the project's folder, in a clean environment. */
  async run(node: string, ...words: readonly string[]): Promise<Ended> {
    const env = { PATH: process.env['PATH'] ?? '', HOME: this.path }
    try {
      const child = exec(node, words, { cwd: this.path, env, timeout: 60_000 })
      child.child.stdin?.end()
      return { status: 0, ...(await child) }
    } catch (error) {
      const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string }
      if (typeof code !== 'number') throw error
      return { status: code, stdout: stdout ?? '', stderr: stderr ?? '' }
    }
  }

  command(): string {
    return join(this.path, 'node_modules/meerkat-ts/dist/surfaces/cli/main.js')
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** A block of code in a document. */
export interface Snippet {
  /** The document and the block's place in it. */
  readonly name: string
  readonly code: string
}

/** The TypeScript in the documents that strangers follow, as it stands there. */
export function snippets(): readonly Snippet[] {
  return ['README.md', 'docs/configuration.md'].flatMap(path => {
    const text = readFileSync(join(ROOT, path), 'utf8')
    return [...text.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code = ''], index) => ({
      name: `${path.replace(/^.*\/|\.md$/g, '').toLowerCase()}-${index + 1}`,
      code,
    }))
  })
}
