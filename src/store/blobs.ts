/**
 * Files beside the log: what an input or a message carries in base64 is kept once, by the SHA-256 of its bytes.
 *
 * A reference stands for the file: before a model gets it the runtime puts the data back, and the digest proves it.
 */

import { createHash } from 'node:crypto'
import { defined } from '../defined.ts'
import { MeerkatError } from '../errors.ts'
import type { BlobPart, FilePart, MessagePart } from './records.ts'
import type { Blob } from './store.ts'

/** A file whose base64 is at least this long is stored beside the log. */
const BLOB_FROM = 4_096

export function digestOf(data: Uint8Array): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`
}

/** The same with long files replaced by references; their bytes are added to `into`. */
export function withReferences<T extends { readonly content?: string | readonly MessagePart[] }>(
  owner: T,
  into: Map<string, Blob>,
): T {
  const { content } = owner
  if (content === undefined || typeof content === 'string' || !content.some(isLongFile)) return owner
  return { ...owner, content: content.map(part => (isLongFile(part) ? referred(part, into) : part)) }
}

function isLongFile(part: MessagePart): part is FilePart {
  return part.type === 'file' && 'data' in part && part.data.length > BLOB_FROM
}

function referred(part: FilePart, into: Map<string, Blob>): FilePart | BlobPart {
  const data = bytesOf(part)
  if (data === undefined) return part
  const { type, mediaType, filename } = part
  const digest = digestOf(data)
  into.set(digest, { digest, data })
  return { type, mediaType, blob: digest, bytes: data.length, ...defined({ filename }) }
}

/** The bytes, where the text is base64 and nothing else; other addresses stay as they are. */
function bytesOf({ data, mediaType }: FilePart): Uint8Array | undefined {
  const prefix = `data:${mediaType};base64,`
  const text = (data.startsWith(prefix) ? data.slice(prefix.length) : data).replaceAll(/\s/g, '')
  const bytes = Buffer.from(text, 'base64')
  return unpadded(bytes.toString('base64')) === unpadded(text) ? bytes : undefined
}

const unpadded = (text: string): string => text.replace(/={1,2}$/, '')

export function isReference(part: MessagePart): part is BlobPart {
  return part.type === 'file' && 'blob' in part
}

/** Whether a part of the content is a file that is kept beside the log. */
export function refersToFiles({ content }: { readonly content?: string | readonly MessagePart[] }): boolean {
  return content !== undefined && typeof content !== 'string' && content.some(isReference)
}

/** The content with the data of every file. Throws if it still has a reference, which the caller should have loaded. */
export function whole<Part extends MessagePart>(
  content: string | readonly Part[],
): string | readonly Exclude<Part, BlobPart>[] {
  if (typeof content === 'string') return content
  return content.map(part => {
    if (isReference(part)) throw new MeerkatError('internal', `the data of file ${part.blob} was not loaded`)
    return part as Exclude<Part, BlobPart>
  })
}

/** The error for a file whose bytes are gone or damaged. */
export function unreadableFile(digest: string, why: string): MeerkatError {
  return new MeerkatError(
    'internal',
    `file ${digest} can't be read: ${why}. Restore the store from a backup, or send the file again`,
    { details: { blob: digest } },
  )
}

export function isUnreadableFile(error: unknown): error is MeerkatError {
  return error instanceof MeerkatError && error.code === 'internal' && typeof error.details?.['blob'] === 'string'
}
