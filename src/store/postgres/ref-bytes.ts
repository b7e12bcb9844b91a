/**
 * Ids as keys of the `refs` table: a lower-case UUID takes 16 bytes; anything else its UTF-8 text after a byte 0xff,
 * which no UTF-8 text holds, twice where the text has 15 bytes. So no two ids share a key.
 */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const UUID_BYTES = 16

export function refHex(id: string): string {
  if (UUID.test(id)) return id.replaceAll('-', '')
  const text = Buffer.from(id, 'utf8').toString('hex')
  return text.length === 2 * (UUID_BYTES - 1) ? `ffff${text}` : `ff${text}`
}

/** The id as it was. */
export function refId(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes)
  if (buffer.length !== UUID_BYTES) return buffer.subarray(buffer[1] === 0xff ? 2 : 1).toString('utf8')
  const hex = buffer.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
