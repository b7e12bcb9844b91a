// Why nothing has to notice a mutant. An entry speaks of every mutant whose name begins so.
const REASONS: readonly (readonly [begins: string, why: string])[] = []

/** Why this mutant may go unnoticed, or undefined. */
export function reasonFor(id: string): string | undefined {
  return REASONS.find(([begins]) => id.startsWith(begins))?.[1]
}
