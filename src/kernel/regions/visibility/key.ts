/** The slice's part of the explorer's key. It leaves out the generation, which no guard reads. */
import type { Visibility } from './state.ts'

export function visibilityInWords({ generation: _, ...rest }: Visibility): string {
  return `visibility ${JSON.stringify(rest)}`
}
