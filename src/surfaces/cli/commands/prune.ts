/** `meerkat prune`: removes data that need not be kept any more. */
import { connect } from '../connection.ts'
import { usage } from '../failure.ts'
import type { Shell } from '../shell.ts'

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** What is removed where no flag says otherwise. */
const USUAL = { deltasAfterMs: UNITS['h'], destroyedAfterMs: 7 * 86_400_000 }

export async function prune(shell: Shell): Promise<void> {
  const { output } = shell
  const named = {
    deltasAfterMs: ageOf(shell, 'deltas'),
    eventsAfterMs: ageOf(shell, 'events'),
    destroyedAfterMs: ageOf(shell, 'destroyed'),
    retiredAfterMs: ageOf(shell, 'retired'),
  }
  const isNamed = Object.values(named).some(ageMs => ageMs !== undefined)
  const { ask } = await connect(shell)
  const report = await ask('store/prune', {
    ...(isNamed ? named : USUAL),
    dryRun: shell.has('dryRun'),
    compact: shell.has('compact'),
  })
  if (output.json) return output.object(report)
  const { dryRun, sessions, removed, amended, bytes, skipped } = report
  const [removes, lightens] = dryRun ? ['would remove', 'take'] : ['removed', 'took']
  output.line(
    `${removes} ${count(removed, 'session')} of ${sessions}, ${lightens} ${Math.ceil(bytes / 1_000)} kB off ${count(amended, 'record')}`,
  )
  if (skipped > 0) output.hint(`${count(skipped, 'session')} left alone: in use by another process`)
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`

/** The value of a flag such as `30d`, in milliseconds. */
function ageOf(shell: Shell, flag: string): number | undefined {
  const text = shell.flag(flag)
  if (text === undefined) return undefined
  const [, digits, unit = ''] = /^(\d{1,9})(s|m|h|d)$/.exec(text) ?? []
  const unitMs = UNITS[unit]
  if (digits === undefined || unitMs === undefined) {
    throw usage(`--${flag} must be an age such as 12h or 30d (s, m, h or d), not ${JSON.stringify(text)}`)
  }
  return Number(digits) * unitMs
}
