/** Whether two values say the same, whatever the order of their keys. */

/** JSON with the keys of every object in order. */
export function jsonInOrder(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

/** The same, hashed down where it is long. It is on disk beside the key that it is bound to. */
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
