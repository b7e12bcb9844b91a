// Files that import each other in a circle can't be read, typed or moved one at a time. Imports of types count too.
import { posix } from 'node:path'
import type { Source } from './source.ts'

/** The circles of `src`, in words. */
export function circleProblems(sources: readonly Source[]): string[] {
  return circlesOf(graphOf(sources)).map(circle => `import-circle: ${circle.toSorted().join(' ')}`)
}

type Graph = ReadonlyMap<string, readonly string[]>

function graphOf(sources: readonly Source[]): Graph {
  const paths = new Set(sources.map(({ path }) => path).filter(path => path.startsWith('src/')))
  return new Map(
    sources
      .filter(({ path }) => paths.has(path))
      .map(({ path, imports }) => [
        path,
        imports.map(({ specifier }) => posix.join(posix.dirname(path), specifier)).filter(target => paths.has(target)),
      ]),
  )
}

/** The sets of more than one file in which each reaches each (Tarjan's strongly connected components). */
function circlesOf(graph: Graph): string[][] {
  const order = new Map<string, number>()
  const open: string[] = []
  const circles: string[][] = []
  const visit = (path: string): number => {
    const own = order.size
    let low = own
    order.set(path, own)
    open.push(path)
    for (const target of graph.get(path) ?? []) {
      if (!order.has(target)) low = Math.min(low, visit(target))
      else if (open.includes(target)) low = Math.min(low, order.get(target) ?? low)
    }
    if (low === own) {
      const circle = open.splice(open.indexOf(path))
      if (circle.length > 1) circles.push(circle)
    }
    return low
  }
  for (const path of graph.keys()) if (!order.has(path)) visit(path)
  return circles
}
