// Checks everything that can be checked without running the code. The parts run side by side; a part that passes prints
// one line, a part that fails prints its output.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { styleText } from 'node:util'

const root: string = dirname(import.meta.dirname)
const path = `${join(root, 'node_modules', '.bin')}${delimiter}${process.env['PATH'] ?? ''}`

interface Outcome {
  readonly ok: boolean
  readonly seconds: number
  readonly output: string
}

function run(command: string): Promise<Outcome> {
  const startedAt = performance.now()
  const { promise, resolve } = Promise.withResolvers<Outcome>()
  const child = spawn(command, {
    shell: true,
    cwd: root,
    env: { ...process.env, PATH: path },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.on('error', error => chunks.push(Buffer.from(`${error.message}\n`)))
  child.on('close', code => {
    resolve({
      ok: code === 0,
      seconds: (performance.now() - startedAt) / 1000,
      output: Buffer.concat(chunks).toString(),
    })
  })
  return promise
}

async function report(name: string, command: string): Promise<boolean> {
  const { ok, seconds, output } = await run(command)
  const mark = ok ? styleText('green', 'ok  ') : styleText('red', 'FAIL')
  const lastLine = name === 'tidy' && ok ? `  ${output.trim()}` : ''
  console.log(`${mark} ${name.padEnd(7)} ${seconds.toFixed(1)} s${lastLine}`)
  if (!ok) console.log(output.trimEnd(), '\n')
  return ok
}

/**
 * The `check:…` scripts of package.json by their last word, so that each part can be run alone and is declared once.
 */
function readParts(): Record<string, string> {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  const named = Object.entries(scripts).filter(([name]) => name.startsWith('check:'))
  return Object.fromEntries(named.map(([name, command]) => [name.replace('check:', ''), command]))
}

// `npm run check -- lint types` runs only those.
const parts = readParts()
const wanted = process.argv.slice(2)
const unknown = wanted.filter(name => !(name in parts))
if (unknown.length > 0) {
  console.error(`no such part: ${unknown.join(', ')} (there are ${Object.keys(parts).join(', ')})`)
  process.exit(2)
}
const chosen = Object.entries(parts).filter(([name]) => wanted.length === 0 || wanted.includes(name))
const outcomes = await Promise.all(chosen.map(([name, command]) => report(name, command)))
process.exitCode = outcomes.every(Boolean) ? 0 : 1
