/** Verifies every machine that ships, and says in one report what holds. */
import { checkAuth } from './auth.ts'
import { verifyMob } from './mob.ts'
import type { ConfigurationReport, Report } from './report.ts'
import { verify } from './verify.ts'

type MachineName = 'meerkat' | 'auth' | 'mob'

/** A configuration's report, with its machine. */
export interface MachineConfigurationReport extends ConfigurationReport {
  readonly machine: MachineName
}

/** A property that has to stay possible and does not. */
interface LivenessFault {
  readonly property: string
  readonly text: string
  readonly configuration: string
  readonly path: readonly string[]
}

/** The sum of the machines' reports. */
export interface VerifyAllReport extends Report<LivenessFault> {
  readonly configurations: readonly MachineConfigurationReport[]
}

/** Verifies the session machine, `AuthMachine`, and `MobMachine` with its seam to sessions. */
export function verifyAll(
  options: {
    /** Smaller configurations that still take every edge. */
    readonly quick?: boolean
    readonly onConfiguration?: (report: MachineConfigurationReport) => void
  } = {},
): VerifyAllReport {
  const { quick = false, onConfiguration } = options
  const configurations: MachineConfigurationReport[] = []
  const heard = (machine: MachineName) => ({
    quick,
    onConfiguration: (report: ConfigurationReport) => {
      const named = { ...report, machine }
      configurations.push(named)
      onConfiguration?.(named)
    },
  })
  const reports = [verify(heard('meerkat')), checkAuth(heard('auth')), verifyMob(heard('mob'))]
  const sum = (of: (report: (typeof reports)[number]) => number): number =>
    reports.reduce((total, report) => total + of(report), 0)
  return {
    states: sum(({ states }) => states),
    transitions: sum(({ transitions }) => transitions),
    edges: sum(({ edges }) => edges),
    uncoveredEdges: reports.flatMap(({ uncoveredEdges }) => uncoveredEdges),
    invariants: sum(({ invariants }) => invariants),
    violations: reports.flatMap(({ violations }) => violations),
    liveness: {
      checked: sum(({ liveness }) => liveness.checked),
      failures: reports.flatMap(({ liveness }): readonly LivenessFault[] => liveness.failures),
    },
    configurations,
  }
}
