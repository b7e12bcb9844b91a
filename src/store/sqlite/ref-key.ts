/**
 * Ids as keys of the `refs` table: a UUID in its usual form takes 16 bytes instead of 36, anything else stays text.
 * SQLite keeps blobs and texts apart, so the two forms never meet.
 */
const LENGTH = 36
const isDash = (index: number): boolean => index === 8 || index === 13 || index === 18 || index === 23

/** The value of a lower-case hexadecimal digit by its character code; 255 for anything else. */
const DIGITS: Uint8Array = new Uint8Array(128).fill(255)
for (let value = 0; value < 16; value += 1) DIGITS[value.toString(16).charCodeAt(0)] = value

const digit = (text: string, index: number): number => DIGITS[text.charCodeAt(index)] ?? 255

/** 16 bytes for a lower-case UUID, the id itself for all else (upper case too, so that no two ids share a key). */
export function refKey(id: string): Uint8Array | string {
  if (id.length !== LENGTH) return id
  const bytes = new Uint8Array(16)
  let filled = 0
  for (let i = 0; i < LENGTH; i += 1) {
    if (isDash(i)) {
      if (id[i] !== '-') return id
      continue
    }
    const high = digit(id, i)
    i += 1
    const low = digit(id, i)
    if (high > 15 || low > 15) return id
    bytes[filled] = (high << 4) | low
    filled += 1
  }
  return bytes
}
