/** How to repeat a simulation: all its options, as a call and, if possible, as a command. */
import type { SimulationOptions } from './options.ts'

const FUNCTIONS = ['executor', 'tools', 'model', 'prompt', 'store', 'kill', 'sabotage'] as const

/** The call, and the command of this repository if it has all the options. */
export function replayOf(options: SimulationOptions): string {
  const { seed, steps, owners, sessions, clients, faults, policies, tornTails } = options
  const data = Object.entries({ seed, steps, owners, sessions, clients, faults, policies, tornTails })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
    .join(', ')
  const given = FUNCTIONS.filter(name => options[name] !== undefined)
  const rest = given.length === 0 ? '' : ` with the same ${given.join(', ')}`
  const command = given.length === 0 || options.again !== undefined ? `; here: ${commandOf(options)}` : ''
  return `simulate({ ${data} })${rest}${command}`
}

function commandOf(options: SimulationOptions): string {
  const { seed, steps, owners, sessions, clients, faults, policies, tornTails, again = [] } = options
  const numbers = Object.entries({ seed, steps, owners, sessions, clients })
    .filter(([, value]) => value !== undefined)
    .flatMap(([name, value]) => [`--${name}`, String(value)])
  const rest = [
    ...(faults === undefined ? [] : ['--faults', JSON.stringify(faults)]),
    ...(policies === undefined ? [] : ['--policies', policies.join(',')]),
    ...(tornTails === true ? ['--torn-tails'] : []),
    ...again,
  ]
  return ['npm run sim --', ...[...numbers, ...rest].map(quoted), '--replay'].join(' ')
}

/** Quoted as one word for a shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
