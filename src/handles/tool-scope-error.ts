/**
 * Explains why tools can't be staged: by kind, with the names that are the reason.
 *
 * The machine says only that it refused. The names are found in its catalogues, never in the text of its refusal.
 */
import { DslTransitionError } from '../kernel/authority.ts'
import { mapGet } from '../kernel/persistent-map.ts'
import { distinct } from '../kernel/regions/tool-filter.ts'
import { isBacked, type ToolAuthority, type ToolCatalog, type Visibility } from '../kernel/regions/visibility/state.ts'

export type ToolScopeStageErrorKind =
  /** No provider has these tools. */
  | 'UnknownTools'
  /** A request doesn't say who provides these tools. */
  | 'MissingWitnesses'
  /** A filter doesn't say who provides these tools. */
  | 'MissingFilterWitnesses'
  /** Another provider has these tools than a request says. */
  | 'InvalidWitnesses'
  /** Another provider has these tools than a filter says. */
  | 'InvalidFilterWitnesses'
  /** Names are not the reason: the error of the machine is the `cause`. */
  | 'Owner'

/** Nothing was staged. Decide by `kind`. */
export class ToolScopeStageError extends Error {
  override readonly name = 'ToolScopeStageError'
  readonly kind: ToolScopeStageErrorKind
  /** The tools that are the reason, sorted; empty where names are not the reason. */
  readonly tools: readonly string[]

  constructor(kind: ToolScopeStageErrorKind, tools: readonly string[], cause: DslTransitionError) {
    super(messageOf(kind, tools, cause), { cause })
    this.kind = kind
    this.tools = tools
  }
}

/** Tools by name, and who is said to provide each; undefined where that is not asked for. */
export interface NamedTools {
  readonly names: readonly string[]
  readonly witnesses?: readonly ToolAuthority[]
}

/** The tools that a step names. */
export interface NamedInStep {
  readonly byFilter?: NamedTools
  readonly byRequest?: NamedTools
}

type Problem = readonly [ToolScopeStageErrorKind, readonly string[]]

/** The error of a step that names tools, by what is wrong with the names; any other error as it is. */
export function stageError(error: unknown, { byFilter, byRequest }: NamedInStep, slice: Visibility): unknown {
  if (!(error instanceof DslTransitionError)) return error
  const problems = error.isGuardRejected
    ? [
        ...problemsOf(byFilter, slice.filterCatalog, ['MissingFilterWitnesses', 'InvalidFilterWitnesses']),
        ...problemsOf(byRequest, slice.deferredCatalog, ['MissingWitnesses', 'InvalidWitnesses']),
      ]
    : []
  const unknown = problems.filter(([kind]) => kind === 'UnknownTools').flatMap(([, tools]) => tools)
  if (unknown.length > 0) return new ToolScopeStageError('UnknownTools', distinct(unknown), error)
  const [kind, tools] = problems[0] ?? (['Owner', []] as const)
  return new ToolScopeStageError(kind, tools, error)
}

/** What is wrong with these names; the simplest reason comes first. */
function problemsOf(
  named: NamedTools | undefined,
  catalog: ToolCatalog,
  [missing, invalid]: readonly [ToolScopeStageErrorKind, ToolScopeStageErrorKind],
): readonly Problem[] {
  if (named === undefined) return []
  const { names, witnesses } = named
  const unknown = names.filter(name => mapGet(catalog, name) === undefined)
  const proven = new Set(witnesses?.filter(hasIdentity).map(({ name }) => name))
  const unproven = witnesses === undefined ? [] : names.filter(name => !proven.has(name))
  const wrong = (witnesses ?? []).filter(one => !isBacked(catalog, [one])).map(({ name }) => name)
  const found: readonly Problem[] = [
    ['UnknownTools', unknown],
    [missing, unproven],
    [invalid, wrong],
  ]
  return found.filter(([, tools]) => tools.length > 0).map(([kind, tools]) => [kind, distinct(tools)])
}

function hasIdentity({ kind, sourceId }: ToolAuthority): boolean {
  return kind !== '' && sourceId !== ''
}

function messageOf(kind: ToolScopeStageErrorKind, tools: readonly string[], { reason }: DslTransitionError): string {
  const names = tools.join(', ')
  switch (kind) {
    case 'UnknownTools':
      return `no provider has ${names}: name tools of the catalogue, or replace the catalogue first`
    case 'MissingWitnesses':
    case 'MissingFilterWitnesses':
      return `the provider of ${names} is not named: give a witness for each`
    case 'InvalidWitnesses':
    case 'InvalidFilterWitnesses':
      return `another provider has ${names}: take the witnesses from the catalogue`
    case 'Owner':
      return `the session does not allow it (${reason})`
  }
}
