/** Combines the walks of a verification: sums, violations, and the edges that no walk took. */
import type { Tagged } from '../region.ts'
import type { Machine } from '../step.ts'
import { type Exploration, edgeNames, type FoundViolation } from './explore.ts'

export interface ConfigurationReport {
  readonly name: string
  readonly about: string
  readonly states: number
  /** Steps that were accepted. */
  readonly transitions: number
  readonly violations: number
  readonly livenessFailures: number
}

/** The number of liveness questions that were asked of a graph, and the failures. */
export interface Liveness<Failure> {
  readonly checked: number
  readonly failures: readonly Failure[]
}

export interface Report<Failure> {
  /** States visited, summed over the configurations. */
  readonly states: number
  /** Accepted steps, summed over the configurations. */
  readonly transitions: number
  /** Declared edges, counted once for each phase they start from. */
  readonly edges: number
  /** Edges that no configuration took, as `region/Input/row from-phase`. */
  readonly uncoveredEdges: readonly string[]
  /** Invariants checked in every state. */
  readonly invariants: number
  readonly violations: readonly FoundViolation[]
  readonly liveness: Liveness<Failure>
  readonly configurations: readonly ConfigurationReport[]
}

export interface ReportOptions {
  readonly onConfiguration?: ((report: ConfigurationReport) => void) | undefined
  /** Only the configurations of these names. */
  readonly only?: readonly string[] | undefined
}

/** A configuration with the way to walk it. */
export interface World<Failure> {
  readonly name: string
  readonly about: string
  readonly walk: () => {
    readonly graph: Pick<Exploration<never, never>, 'size' | 'transitions' | 'covered' | 'violations'>
    readonly liveness: Liveness<Failure>
  }
}

/** Walks the configurations one after the other, and reports the results. */
export function reportOf<Failure, State, Input extends Tagged, Effect extends Tagged>(
  { edges, invariants }: Pick<Machine<State, Input, Effect>, 'edges' | 'invariants'>,
  worlds: readonly World<Failure>[],
  { only, onConfiguration }: ReportOptions,
): Report<Failure> {
  const covered = new Set<string>()
  const violations: FoundViolation[] = []
  const failures: Failure[] = []
  const configurations: ConfigurationReport[] = []
  let checked = 0
  for (const { name, about, walk } of worlds) {
    if (only?.includes(name) === false) continue
    const { graph, liveness } = walk()
    for (const edge of graph.covered) covered.add(edge)
    violations.push(...graph.violations)
    failures.push(...liveness.failures)
    checked += liveness.checked
    const counts = { violations: graph.violations.length, livenessFailures: liveness.failures.length }
    const report = { name, about, states: graph.size, transitions: graph.transitions, ...counts }
    configurations.push(report)
    onConfiguration?.(report)
  }
  const declared = edgeNames(edges)
  return {
    states: configurations.reduce((sum, { states }) => sum + states, 0),
    transitions: configurations.reduce((sum, { transitions }) => sum + transitions, 0),
    edges: declared.length,
    uncoveredEdges: declared.filter(edge => !covered.has(edge)),
    invariants: invariants.length,
    violations,
    liveness: { checked, failures },
    configurations,
  }
}
