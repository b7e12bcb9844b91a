/**
 * `meerkat verify`: explores every reachable state of bounded configurations of the shipped machines. Exit status 1 if
 * a rule was broken, an edge was never taken, or an input could stay unfinished for ever.
 */
import { type MachineConfigurationReport, type VerifyAllReport, verifyAll } from '../../../kernel/check/verify-all.ts'
import { EXIT, Exit } from '../failure.ts'
import { duration, excerpt, type Output } from '../output.ts'
import type { Shell } from '../shell.ts'

export async function verifyCommand(shell: Shell): Promise<void> {
  const { output } = shell
  shell.leaveSignalsToSystem()
  const startedAt = performance.now()
  const report = verifyAll({ quick: shell.has('quick'), onConfiguration: one => show(output, one) })
  const { configurations: _, ...totals } = report
  if (output.json) output.object(totals)
  else summarise(output, report, performance.now() - startedAt)
  const { violations, uncoveredEdges, liveness } = report
  const faults = violations.length + uncoveredEdges.length + liveness.failures.length
  if (faults === 0) return
  const found = `${violations.length} violations, ${uncoveredEdges.length} edges never taken, ${liveness.failures.length} ways to stay unfinished`
  process.stderr.write(
    output.json ? `${JSON.stringify(failure(found))}\n` : `meerkat: the kernel breaks its rules: ${found}\n`,
  )
  throw new Exit(EXIT.failed)
}

function failure(found: string): object {
  return { code: 'internal', message: `the kernel breaks its rules: ${found}`, retryable: false }
}

function show(
  output: Output,
  { machine, name, about, states, transitions, violations, livenessFailures }: MachineConfigurationReport,
): void {
  if (output.json) {
    output.object({ type: 'configuration', machine, name, about, states, transitions, violations, livenessFailures })
    return
  }
  const isSound = violations + livenessFailures === 0
  const mark = output.style(isSound ? 'green' : 'red', isSound ? 'ok  ' : 'FAIL')
  output.line(
    `${mark}  ${`${machine}/${name}`.padEnd(28)} ${count(states).padStart(9)} states ${count(transitions).padStart(10)} steps  ${output.style('dim', excerpt(about, 70))}`,
  )
}

function summarise(output: Output, report: VerifyAllReport, ms: number): void {
  const { states, transitions, edges, uncoveredEdges, invariants, violations, liveness } = report
  for (const { invariant, ...fault } of violations) showFault(output, invariant, fault)
  for (const { property, ...fault } of liveness.failures) showFault(output, property, fault)
  for (const edge of uncoveredEdges) output.line(`${output.style('red', 'never taken')} ${edge}`)
  const words = {
    walk: `${count(states)} states and ${count(transitions)} steps in ${duration(ms)}`,
    invariants: `${invariants} invariants hold in ${violations.length === 0 ? 'every state' : 'some states only'}`,
    edges: `${edges - uncoveredEdges.length} of ${edges} declared edges were taken`,
    liveness: `${count(liveness.checked)} questions whether things can go on: ${liveness.failures.length} can't`,
  }
  output.line()
  for (const line of Object.values(words)) output.line(line)
}

interface Fault {
  readonly configuration: string
  readonly text: string
  readonly path: readonly string[]
}

/** Shows what is wrong, and the shortest path to it. */
function showFault(output: Output, rule: string, { configuration, text, path }: Fault): void {
  output.line(`${output.style('red', rule)} in ${configuration}: ${text}`)
  for (const [index, step] of path.entries()) output.line(`${String(index + 1).padStart(5)}  ${step}`)
}

function count(value: number): string {
  return value.toLocaleString('en')
}
