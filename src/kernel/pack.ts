/**
 * Turns slices into plain JSON data, and back. Persistent maps become lists of their entries in the order of their keys, so
 * that equal slices have equal texts and no file depends on the layout of a map in memory.
 */
import { isPersistentMap, mapEntries, mapOf } from './persistent-map.ts'

/** Marks a list as the entries of a map. No slice has a property of this name. */
const ENTRIES = '%map'

/** The slice with every map in it as a list. */
export function packed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(packed)
  if (isPersistentMap(value)) {
    const entries = [...mapEntries(value)].toSorted(([a], [b]) => (a < b ? -1 : 1))
    return { [ENTRIES]: entries.map(([key, one]) => [key, packed(one)]) }
  }
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, packed(one)]))
}

/** The inverse of `packed`. */
export function unpacked(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(unpacked)
  const entries = (value as { readonly [ENTRIES]?: readonly (readonly [string | number, unknown])[] })[ENTRIES]
  if (entries !== undefined) return mapOf(entries.map(([key, one]) => [key, unpacked(one)] as const))
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, unpacked(one)]))
}
