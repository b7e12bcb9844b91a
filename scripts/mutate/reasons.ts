// Why a mutant may remain unnoticed. An entry is about every mutant whose name begins so.
const REASONS: readonly (readonly [begins: string, why: string])[] = []

/** Why this mutant may remain unnoticed; undefined: it may not. */
export function reasonFor(id: string): string | undefined {
  return REASONS.find(([begins]) => id.startsWith(begins))?.[1]
}
