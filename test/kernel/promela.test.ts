import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { runSpin, whatIsMissing } from '../../scripts/spin.ts'
import { accept, inputId, registered, sessionId } from '../../src/kernel/check/alphabet.ts'
import { always, type Configuration } from '../../src/kernel/check/configuration.ts'
import { configurations } from '../../src/kernel/check/configurations.ts'
import { promelaOf } from '../../src/kernel/check/promela.ts'
import { StateKeys } from '../../src/kernel/check/state-key.ts'
import { meerkat } from '../../src/kernel/machine.ts'
import type { MeerkatState } from '../../src/kernel/state.ts'
import { withFollow, withRow } from './support/mutants.ts'

function world(name: string): Configuration {
  const found = configurations(true).find(one => one.name === name)
  if (found === undefined) throw new Error(`there is no world ${name}`)
  return found
}

const STUCK = 'nothing can happen here any more, or the explorer was never here'

const lines = (text: string, pattern: RegExp): readonly string[] => text.split('\n').filter(line => pattern.test(line))

describe('the session machine in Promela', () => {
  test('has a variable for each slice that changes, and one process of steps that are taken whole', () => {
    const { text, states, rules, invariants, regions } = promelaOf(world('turn'))
    expect(regions).toEqual(['lifecycle', 'ledger', 'run', 'turn'])
    expect(lines(text, /^(byte|short) /).map(line => line.split(' ')[1])).toEqual([
      'Lifecycle',
      'Ledger',
      'Run',
      'Turn',
    ])
    expect(lines(text, /proctype/)).toHaveLength(1)
    expect(lines(text, /::/)).toHaveLength(rules + invariants + 1)
    expect(lines(text, /::/).filter(line => !line.includes(':: d_step {'))).toEqual([])
    // Each rule stands for many edges: Spin has to put them together again.
    expect(rules).toBeLessThan(states / 3)
  })

  test('a rule speaks of what decides, and of nothing else', () => {
    const { text } = promelaOf(world('turn'))
    const cancels = lines(text, /\* CancelAfterBoundary \*/)
    expect(cancels.length).toBeGreaterThan(0)
    for (const rule of cancels) {
      expect(rule).toMatch(/-> Run = \d+ }/)
      expect(rule).not.toContain('Turn')
      expect(rule).not.toContain('Ledger')
    }
  })

  test('there is none of a machine that decides by what no slice holds', () => {
    let asked = 0
    const machine = withRow('lifecycle', 'Resume', 'revive', row => ({ ...row, when: [() => asked++ % 3 > 0] }))
    expect(() => promelaOf(world('lifecycle'), { machine })).toThrow(/^lifecycle: Resume has two outcomes/)
  })

  test('there is none under keys that leave out what matters', () => {
    const keys = new StateKeys()
    const withoutRun = {
      keyOf: (state: MeerkatState) => keys.keyOf({ ...state, run: meerkat.initial.run }),
      remember: (state: MeerkatState) => keys.remember(state),
    }
    const attempt = () => promelaOf(world('lifecycle'), { keys: withoutRun })
    expect(attempt).toThrow('that the key of a slice leaves out')
  })

  test('the script says what it needs', async () => {
    const script = join(import.meta.dirname, '..', '..', 'scripts', 'spin.ts')
    const run = promisify(execFile)(process.execPath, [script, 'tail'], { env: { PATH: '/nowhere' } })
    await expect(run).rejects.toMatchObject({
      code: 1,
      stderr: "spin can't be run here: install it, for instance with `apt-get install spin`\n",
    })
  })
})

/** Where Spin is not installed, `npm run spin` says so; the rest of the suite does without. */
const missing = await whatIsMissing()
const whereSpinIs = missing === undefined ? describe : (_name: string, _tests: () => void): void => undefined

whereSpinIs('Spin, given the session machine', () => {
  test.each(['lifecycle', 'turn', 'owners'])(
    'finds as many states as the explorer: %s',
    { timeout: 60_000 },
    async name => {
      const model = promelaOf(world(name))
      expect(await runSpin(model)).toEqual({ states: model.states, fault: '' })
    },
  )

  test('finds what an explorer misses', { timeout: 60_000 }, async () => {
    const whole = always([
      accept('a'),
      { type: 'SetSilentIntents', sessionId, intents: ['hush'] },
      { type: 'WithdrawInput', inputId: inputId('a') },
      { type: 'Destroy' },
    ])
    const either: Configuration['inputs'] = ({ ledger, registration }) =>
      ledger.entries.size === 0 && registration.silentIntents.length === 0 ? whole() : whole().slice(2)
    const sound: Configuration = { name: 'two-ways', about: 'Either first.', prefix: registered, inputs: whole }
    const missed = promelaOf({ ...sound, inputs: either }).states
    let asked = 0
    // It asks once in each state, and never hears that after one thing there is the other.
    const inputs: Configuration['inputs'] = state => (asked++ < missed ? either(state) : whole())
    const { states, fault } = await runSpin(promelaOf({ ...sound, inputs }))
    expect(fault).toBe(`Spin found ${states} states and the explorer ${missed}`)
    expect(states).toBe(promelaOf(sound).states)
  })

  test('finds a broken invariant and the shortest way to it', { timeout: 60_000 }, async () => {
    const machine = withFollow('run', 'Recover', () => undefined)
    const { fault } = await runSpin(promelaOf(world('lifecycle'), { machine }))
    const path = fault.split('\n')
    expect(path.slice(0, -1)).toEqual(['Initialize', 'RegisterSession', 'AcceptInput', 'Prepare', 'Recover'])
    expect(path.at(-1)).toMatch(/^broken: (run-iff-running|staged-inputs-belong-to-the-run)$/)
  })

  test('finds a state without a way out', { timeout: 60_000 }, async () => {
    const inputs = always([{ type: 'Initialize' }, { type: 'Retire' }])
    const { fault } = await runSpin(promelaOf({ name: 'narrow', about: 'It leads nowhere.', prefix: [], inputs }))
    expect(fault.split('\n')).toEqual(['Initialize', 'Retire', STUCK])
  })
})
