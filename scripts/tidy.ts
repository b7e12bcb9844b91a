// Reads the whole project as text, and checks it against the rules of the house (scripts/tidy/rules.ts).
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { circleProblems } from './tidy/circles.ts'
import { reachProblems, reachSummary } from './tidy/reach.ts'
import { findLeaks, findNumbered, type Project, rules } from './tidy/rules.ts'
import { readSource, type Source } from './tidy/source.ts'

const root: string = dirname(import.meta.dirname)
const sourceFolders = ['src', 'test', 'bench', 'scripts', 'examples']
const textEndings = new Set(['', '.ts', '.tsx', '.js', '.json', '.md', '.yml', '.yaml', '.html', '.css', '.sh', '.sql'])

// The files that git tracks or would add: neither dependencies nor what a build made.
function projectFiles(): string[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root })
  return listed
    .toString()
    .split('\0')
    .filter(path => path !== '' && existsSync(join(root, path)))
}

function readProject(): Project {
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
    peerDependencies: Record<string, string>
  }
  return { runtimePackages: new Set([...Object.keys(dependencies), ...Object.keys(peerDependencies)]) }
}

function complaints(sources: readonly Source[], texts: ReadonlyMap<string, string>): string[] {
  const project = readProject()
  const broken = sources.flatMap(source =>
    rules.flatMap(({ id, text, find }) =>
      find(source, project).map(finding => `${source.path}:${finding.line} ${id}: ${finding.text} (${text})`),
    ),
  )
  const leaked = [...texts].flatMap(([path, text]) =>
    findLeaks(text).map(finding => `${path}:${finding.line} leak: ${finding.text}`),
  )
  const numbered = [...texts].flatMap(([path, text]) =>
    findNumbered(path, text).map(finding => `${path}:${finding.line} sql: ${finding.text}`),
  )
  return [...broken, ...leaked, ...numbered, ...circleProblems(sources), ...reachProblems(texts)]
}

function summary(sources: readonly Source[]): string {
  const files = sources.toSorted((a, b) => b.lines - a.lines)
  const functions = sources
    .flatMap(({ path, functions }) => functions.map(f => ({ ...f, path })))
    .toSorted((a, b) => b.lines - a.lines)
  const [file, longest] = [files[0], functions[0]]
  return [
    `${sources.length} files`,
    `${functions.length} functions`,
    `longest file ${file?.lines ?? 0} lines (${file?.path ?? 'none'})`,
    `longest function ${longest?.lines ?? 0} (${longest?.path ?? 'none'}:${longest?.line ?? 0})`,
  ].join(', ')
}

const paths = projectFiles()
const texts = new Map(
  paths.filter(path => textEndings.has(extname(path))).map(path => [path, readFileSync(join(root, path), 'utf8')]),
)
const sources = [...texts]
  .filter(([path]) => /\.tsx?$/.test(path) && sourceFolders.includes(path.split('/')[0] ?? ''))
  .map(([path, text]) => readSource(path, text))
const problems = complaints(sources, texts)
// A check that found no files must not pass.
if (!sources.some(({ path }) => path.startsWith('src/'))) problems.push('tidy saw no file in src/')

if (problems.length > 0) console.error(`${problems.join('\n')}\n${problems.length} problems`)
console.log(`${summary(sources)}; ${reachSummary(texts)}`)
process.exitCode = problems.length > 0 ? 1 : 0
