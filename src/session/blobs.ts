/** Reads files that the store keeps beside the log; every byte is checked against the file's digest. */
import { defined } from '../defined.ts'
import { MeerkatError } from '../errors.ts'
import type { SessionId } from '../kernel/ids.ts'
import { digestOf, isReference, unreadableFile } from '../store/blobs.ts'
import type { FilePart, MessagePart } from '../store/records.ts'
import type { Blob, Store } from '../store/store.ts'

/** The bytes of a file; the error names a file that is missing or damaged. */
export async function readBlob(store: Store, digest: string): Promise<Blob> {
  const data = await store.blob(digest)
  if (data === undefined) throw unreadableFile(digest, 'it is missing in the store')
  if (digestOf(data) !== digest) throw unreadableFile(digest, 'its content does not match its digest')
  return { digest, data }
}

/** The same contents, with the data of every file that they refer to. */
export async function withData<T extends { readonly content?: string | readonly MessagePart[] }>(
  store: Store,
  owner: T,
): Promise<T> {
  const { content } = owner
  if (content === undefined || typeof content === 'string' || !content.some(isReference)) return owner
  const parts: MessagePart[] = []
  for (const part of content) parts.push(isReference(part) ? await fileOf(store, part) : part)
  return { ...owner, content: parts }
}

async function fileOf(store: Store, part: Extract<MessagePart, { readonly blob: string }>): Promise<FilePart> {
  const { type, mediaType, filename } = part
  const { data } = await readBlob(store, part.blob)
  return { type, mediaType, data: base64Of(data), ...defined({ filename }) }
}

/** The digests of the files in these contents, each once. */
export function digestsIn(
  owners: readonly { readonly content?: string | readonly MessagePart[] }[],
): readonly string[] {
  const parts = owners.flatMap(({ content }) => (typeof content === 'string' ? [] : (content ?? [])))
  return [...new Set(parts.filter(isReference).map(({ blob }) => blob))]
}

/** A file that the session speaks of, as `blob/get` answers it. */
export interface BlobView {
  readonly digest: string
  readonly bytes: number
  /** Base64. */
  readonly data: string
}

export async function blobView(store: Store, sessionId: SessionId, digest: string): Promise<BlobView> {
  const { blobs } = await store.index(sessionId)
  if (!blobs.includes(digest)) {
    const message = `session ${sessionId} speaks of no file ${digest.slice(0, 100)}`
    throw new MeerkatError('not-found', message, { details: { sessionId, digest } })
  }
  const { data } = await readBlob(store, digest)
  return { digest, bytes: data.length, data: base64Of(data) }
}

export function base64Of(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64')
}
