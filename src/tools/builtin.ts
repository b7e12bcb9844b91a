/** One row of the table of built-in tools. */
import type { AgentTool } from '../executor/agent/tool.ts'
import type { Fields } from '../options.ts'

/** Tools that are switched on together, and share their options. */
export interface Builtin<Options> {
  /** The names of its tools, as a model calls them. */
  readonly tools: readonly string[]
  readonly fields: Fields<Options>
  /**
   * Makes the tools. `only`: those that were named one by one. Throws `invalid-params` for options that can't be meant.
   */
  make(options: Options, only?: readonly string[]): readonly AgentTool[]
}
