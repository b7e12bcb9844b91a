/** What a failure prints to see it again does show it again, whatever the simulation was given. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { simulate } from '../../src/testing/index.ts'

const HERE = fileURLToPath(new URL('../..', import.meta.url))

/** Runs a command line as a person would. */
function shell(command: string): { readonly status: number | null; readonly stdout: string } {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', command], { cwd: HERE, encoding: 'utf8' })
  if (status !== 0 && status !== 1) throw new Error(`${command}: ${stderr}`)
  return { status, stdout }
}

interface Failure {
  readonly hash: string
  readonly rules: readonly string[]
  readonly command: string
}

/** The failures that were printed. */
function failuresIn(stdout: string): readonly Failure[] {
  return stdout.split(/^(?=the simulation of seed )/m).flatMap(part => {
    const hash = /^the simulation of seed \d+ \((\S+)\) broke/.exec(part)?.[1]
    const command = /^again: .*; here: (npm run sim .*)$/m.exec(part)?.[1]
    if (hash === undefined || command === undefined) return []
    const upTo = part.indexOf('its last steps:')
    return [{ hash, command, rules: part.slice(0, upTo).split('\n').slice(1) }]
  })
}

const SHAPES = {
  'in memory': '--owners 3 --steps 90',
  'with torn tails, other faults and other clients':
    '--torn-tails --clients 5 --sessions 2 --policies retry,fail --faults \'{"kill":0.05,"slow":0.1}\'',
  'on SQLite': '--store sqlite --torn-tails --owners 3 --steps 60',
}

test.each(Object.entries(SHAPES))('%s', { timeout: 60_000 }, (_, shape) => {
  const found = shell(`node scripts/sim.ts --seeds 3 ${shape} --with test/sim/broken-store.ts`)
  expect(found.status).toBe(1)
  const [failure] = failuresIn(found.stdout)
  if (failure === undefined) throw new Error(found.stdout)
  expect(failure.rules.join('\n')).toContain('never-ended')
  const again = shell(failure.command)
  expect(again.status).toBe(1)
  expect(failuresIn(again.stdout)).toEqual([failure])
})

test('without functions, the call and the command name the same options', async () => {
  const report = await simulate({ seed: 5, steps: 20, owners: 1, tornTails: true, faults: { kill: 0 } })
  expect(report.replay).toBe(
    'simulate({ seed: 5, steps: 20, owners: 1, faults: {"kill":0}, tornTails: true }); ' +
      'here: npm run sim -- --seed 5 --steps 20 --owners 1 --faults \'{"kill":0}\' --torn-tails --replay',
  )
})
