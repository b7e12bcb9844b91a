// Makes dist/ from src/ (declarations by the compiler, code by the bundler), and puts the `meerkat` command where npx
// and npm scripts find it. With --if-stale it does nothing when the last build is newer than everything that it reads.
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, globSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { bundle } from './bundle.ts'

const root: string = dirname(import.meta.dirname)
const bin: string = join(root, 'node_modules', '.bin')
// Written last, so its time is the time of the last complete build.
const command: string = join(bin, 'meerkat')
const dist: string = join(root, 'dist')
const entry: string = join(dist, 'surfaces', 'cli', 'main.js')

function isFresh(): boolean {
  if (!existsSync(command) || !existsSync(dist)) return false
  const builtAt = statSync(command).mtimeMs
  // Folders count too: when a file is deleted, only the folder's time changes.
  const inputs = [
    'package.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'scripts/build.ts',
    'scripts/bundle.ts',
    'src',
  ]
  inputs.push(...globSync('src/**', { cwd: root }))
  return inputs.every(input => statSync(join(root, input)).mtimeMs < builtAt)
}

/** Checks the types and writes the declarations. */
function declare(): void {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: 'inherit',
  })
  if (status !== 0) process.exit(1)
}

// Files are overwritten in place, which keeps a running command alive; only files without a source are removed.
function removeOrphans(bundled: ReadonlySet<string>): void {
  for (const output of globSync('**/*.{js,js.map,d.ts,sql}', { cwd: dist })) {
    const isBundled = bundled.has(output.replaceAll('\\', '/'))
    if (!isBundled && !existsSync(join(root, 'src', output.replace(/\.d\.ts$/, '.ts')))) rmSync(join(dist, output))
  }
}

// The compiler does not copy SQL: the store reads its migrations as they are.
function copySql(): void {
  for (const source of globSync('src/**/*.sql', { cwd: root })) {
    const output = join(root, source.replace(/^src/, 'dist'))
    mkdirSync(dirname(output), { recursive: true })
    copyFileSync(join(root, source), output)
  }
}

// npm links the bins of dependencies but not those of the root package, and a plain link would run under whichever Node
// the shell finds first. This one runs under the Node that package.json pins.
function linkCommand(): void {
  if (existsSync(entry)) chmodSync(entry, 0o755)
  mkdirSync(bin, { recursive: true })
  rmSync(command, { force: true })
  const lines = [
    '#!/bin/sh',
    'here=$(dirname -- "$(readlink -f -- "$0")")',
    'exec "$here/node" "$here/../../dist/surfaces/cli/main.js" "$@"',
    '',
  ]
  writeFileSync(command, lines.join('\n'), { mode: 0o755 })
  if (process.platform === 'win32') {
    writeFileSync(`${command}.cmd`, '@"%~dp0node" "%~dp0..\\..\\dist\\surfaces\\cli\\main.js" %*\r\n')
  }
}

if (!process.argv.includes('--if-stale') || !isFresh()) {
  declare()
  const bundled = await bundle(root)
  copySql()
  removeOrphans(bundled)
  linkCommand()
}
