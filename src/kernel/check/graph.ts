/**
 * A directed graph over numbered states, built edge by edge, and the one question asked of it: from where can an edge
 * of some kind still be reached?
 */

/** A growing list of 32-bit numbers; millions of edges would be too many objects. */
export class IntList {
  #items: Int32Array<ArrayBuffer> = new Int32Array(1024)
  #length = 0

  get length(): number {
    return this.#length
  }

  push(item: number): void {
    if (this.#length === this.#items.length) {
      const grown = new Int32Array(this.#items.length * 2)
      grown.set(this.#items)
      this.#items = grown
    }
    this.#items[this.#length++] = item
  }

  at(index: number): number {
    return this.#items[index] ?? -1
  }
}

export interface Graph {
  /** Number of states. */
  readonly size: number
  readonly from: IntList
  readonly to: IntList
}

/** The edges of a graph by the state they lead to. */
interface Incoming {
  /** Where a state's edges start in `edges`; one more entry than there are states. */
  readonly starts: Int32Array
  readonly edges: Int32Array
}

/** Sorts the edges by target, so that the graph can be walked backward. */
export function incomingOf(graph: Graph): Incoming {
  const { size, to } = graph
  const starts = new Int32Array(size + 1)
  for (let edge = 0; edge < to.length; edge++) {
    const slot = to.at(edge) + 1
    starts[slot] = (starts[slot] ?? 0) + 1
  }
  for (let state = 0; state < size; state++) starts[state + 1] = (starts[state + 1] ?? 0) + (starts[state] ?? 0)
  const next = starts.slice()
  const edges = new Int32Array(to.length)
  for (let edge = 0; edge < to.length; edge++) {
    const target = to.at(edge)
    const slot = next[target] ?? 0
    edges[slot] = edge
    next[target] = slot + 1
  }
  return { starts, edges }
}

/**
 * The states from which an edge that satisfies `isGoal` can be reached over edges that satisfy `isAllowed` (the goal
 * edge itself need not).
 */
export function canReach(
  graph: Graph,
  incoming: Incoming,
  isGoal: (edge: number) => boolean,
  isAllowed: (edge: number) => boolean,
): Uint8Array {
  const reached = new Uint8Array(graph.size)
  const frontier = new IntList()
  const mark = (state: number): void => {
    if (reached[state] === 1) return
    reached[state] = 1
    frontier.push(state)
  }
  for (let edge = 0; edge < graph.to.length; edge++) if (isGoal(edge)) mark(graph.from.at(edge))
  for (let head = 0; head < frontier.length; head++) {
    const state = frontier.at(head)
    const end = incoming.starts[state + 1] ?? 0
    for (let slot = incoming.starts[state] ?? 0; slot < end; slot++) {
      const edge = incoming.edges[slot] ?? 0
      if (isAllowed(edge)) mark(graph.from.at(edge))
    }
  }
  return reached
}
