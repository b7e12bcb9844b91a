/** Compares values by content: the order of their keys does not matter. */

/** JSON with the keys of every object sorted. */
export function jsonInOrder(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

/**
 * The same, replaced by its length and a hash where it is long. It is stored beside the idempotency key that is bound to
 * the content, so what is computed here may not change: with another hash, what was sent before an upgrade and is repeated
 * after it would be a conflict. The hash withstands accidents, not attacks.
 */
export function digestOfJson(value: unknown): string {
  const text = jsonInOrder(value)
  if (text.length <= 64) return text
  let [one, two] = [0x811c9dc5, 0x1234567]
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    one = Math.imul(one ^ code, 0x01000193)
    two = Math.imul(two ^ code, 0x5bd1e995) ^ (two >>> 15)
  }
  return `${text.length}:${(one >>> 0).toString(16)}${(two >>> 0).toString(16)}`
}
