/** Tool filters. Several filters combine: allowed names intersect, denied names unite, and a denial wins. */

export type ToolFilter =
  | { readonly type: 'all' }
  | { readonly type: 'allow'; readonly names: readonly string[] }
  | { readonly type: 'deny'; readonly names: readonly string[] }

export const ALL_TOOLS: ToolFilter = { type: 'all' }

/** The names in the filter. */
export function namedBy(filter: ToolFilter): readonly string[] {
  return filter.type === 'all' ? [] : filter.names
}

export function admits(filter: ToolFilter, name: string): boolean {
  if (filter.type === 'all') return true
  return filter.names.includes(name) === (filter.type === 'allow')
}

/** The one filter that admits what all of these admit. */
export function composed(filters: readonly ToolFilter[]): ToolFilter {
  const allows = filters.flatMap(one => (one.type === 'allow' ? [new Set(one.names)] : []))
  const denied = new Set(filters.flatMap(one => (one.type === 'deny' ? one.names : [])))
  const [first, ...others] = allows
  if (first === undefined) return plain({ type: 'deny', names: [...denied] })
  const names = [...first].filter(name => !denied.has(name) && others.every(other => other.has(name)))
  return plain({ type: 'allow', names })
}

/** The filter in its canonical form. */
export function plain(filter: ToolFilter): ToolFilter {
  if (filter.type === 'all' || (filter.type === 'deny' && filter.names.length === 0)) return ALL_TOOLS
  return { type: filter.type, names: distinct(filter.names) }
}

/** The names, sorted and without duplicates. */
export function distinct(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort()
}

/** Whether two lists of distinct names are equal. */
export function sameNames(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, at) => name === other[at])
}
export function sameFilter(one: ToolFilter, other: ToolFilter): boolean {
  return one.type === other.type && sameNames(namedBy(one), namedBy(other))
}
