/** Reads bodies of HTTP requests: JSON, declared as JSON, and no larger than the limit. */
import { MeerkatError } from '../../errors.ts'

/** The JSON value of the body; an empty body counts as an empty object. */
export async function readJson(request: Request, maxBytes: number): Promise<unknown> {
  checkContentType(request.headers.get('content-type'))
  const bytes = await readBytes(request, maxBytes)
  if (bytes.length === 0) return {}
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw new MeerkatError('parse-error', 'the body is not valid JSON in UTF-8', { cause: error })
  }
}

/**
 * A page of another origin can make a browser post text or a form here without a preflight, but not JSON. So the
 * content type is required even where the body is empty.
 */
function checkContentType(contentType: string | null): void {
  const mediaType = contentType?.split(';', 1)[0]?.trim().toLowerCase()
  if (mediaType === 'application/json') return
  const given = mediaType === undefined || mediaType === '' ? 'none' : JSON.stringify(mediaType.slice(0, 100))
  throw new MeerkatError('invalid-request', `the content type must be "application/json", it is ${given}`)
}

/** Reads no more bytes than the limit, whatever `content-length` says. */
async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) throw tooLarge(maxBytes)
  if (request.body === null) return new Uint8Array()
  const body: AsyncIterable<Uint8Array> = request.body
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of body) {
      size += chunk.byteLength
      if (size > maxBytes) throw tooLarge(maxBytes)
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof MeerkatError) throw error
    // A body that breaks off is the client's fault: it left, was too slow, or sent a malformed body.
    throw new MeerkatError('invalid-request', 'the body ended before it was whole', { cause: error })
  }
  return Buffer.concat(chunks, size)
}

function tooLarge(maxBytes: number): MeerkatError {
  return new MeerkatError('too-large', `the body has more than ${maxBytes} bytes`, { details: { maxBytes } })
}
