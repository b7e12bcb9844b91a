/** What a file is, by its first bytes: names lie. */

export interface FileKind {
  readonly kind: 'text' | 'image' | 'binary'
  readonly encoding: 'utf-8' | 'utf-16le' | 'utf-16be'
  /** For a message: `a PNG image`. */
  readonly what: string
  /** Of an image. */
  readonly mediaType?: string
}

interface Image {
  readonly mediaType: string
  readonly what: string
  readonly fits: (bytes: Buffer) => boolean
}

const begins =
  (...bytes: readonly number[]): Image['fits'] =>
  given =>
    bytes.every((byte, index) => given[index] === byte)

const IMAGES: readonly Image[] = [
  { mediaType: 'image/png', what: 'a PNG image', fits: begins(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a) },
  { mediaType: 'image/jpeg', what: 'a JPEG image', fits: begins(0xff, 0xd8, 0xff) },
  { mediaType: 'image/gif', what: 'a GIF image', fits: begins(0x47, 0x49, 0x46, 0x38) },
  {
    mediaType: 'image/webp',
    what: 'a WebP image',
    fits: bytes => begins(0x52, 0x49, 0x46, 0x46)(bytes) && bytes.toString('latin1', 8, 12) === 'WEBP',
  },
]

const BINARY: FileKind = { kind: 'binary', encoding: 'utf-8', what: 'a binary file' }

/** What a file that begins with these bytes is. */
export function kindOf(begin: Buffer): FileKind {
  const image = IMAGES.find(({ fits }) => fits(begin))
  if (image !== undefined) return { ...BINARY, kind: 'image', what: image.what, mediaType: image.mediaType }
  if (begins(0xff, 0xfe)(begin)) return { kind: 'text', encoding: 'utf-16le', what: 'a UTF-16 text' }
  if (begins(0xfe, 0xff)(begin)) return { kind: 'text', encoding: 'utf-16be', what: 'a UTF-16 text' }
  return begin.includes(0) ? BINARY : { kind: 'text', encoding: 'utf-8', what: 'a text' }
}

/** A number of bytes for people. */
export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`
  const mebi = bytes / 1024 / 1024
  return mebi < 1 ? `${(bytes / 1024).toFixed(1)} KiB` : `${mebi.toFixed(1)} MiB`
}
