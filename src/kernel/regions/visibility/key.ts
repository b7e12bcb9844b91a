/** What of the slice the explorer tells apart. Which generation of the tools it is, only those ask who have seen one. */
import type { Visibility } from './state.ts'

export function visibilityInWords({ generation: _, ...rest }: Visibility): string {
  return `visibility ${JSON.stringify(rest)}`
}
