/** Turns a tool's answer into what is recorded and shown to the model: bounded plain JSON, or why it is none. */
import { isAnyArrayBuffer } from 'node:util/types'
import { cutText, jsonOf, wellFormed } from '../../foreign.ts'
import type { CallOutcome } from '../executor.ts'

/** Longer results are cut, because they would push the conversation out of the model's context. */
const MAX_SHOWN_CHARS = 256 * 1024
/** A value with longer JSON is refused instead of being written out only to be cut. */
const MAX_JSON_CHARS = 16 * 1024 * 1024

/** The outcome of a call with this answer. Never throws, whatever the value does. */
export function resultOf(value: unknown): Pick<CallOutcome, 'ok' | 'output' | 'code'> {
  if (typeof value === 'string') return { ok: true, output: shownText(value, value.length + 2) }
  const bytes = bytesOf(value)
  if (bytes !== undefined) return resultOfBytes(bytes)
  const json = jsonOf(value, MAX_JSON_CHARS)
  if ('problem' in json) {
    const output = `The tool ran, but its result can't be written as JSON: ${json.problem}`
    return { ok: false, code: json.tooLong === true ? 'result-too-large' : 'invalid-result', output }
  }
  if (json.text.length <= MAX_SHOWN_CHARS) return { ok: true, output: json.value }
  return { ok: true, output: shownText(typeof json.value === 'string' ? json.value : json.text, json.text.length) }
}

function shownText(text: string, length: number): string {
  if (length <= MAX_SHOWN_CHARS) return wellFormed(text)
  return `${wellFormed(cutText(text, MAX_SHOWN_CHARS))}\n[truncated: ${MAX_SHOWN_CHARS} of ${length} characters]`
}

function bytesOf(value: unknown): Uint8Array | undefined {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  return isAnyArrayBuffer(value) ? new Uint8Array(value) : undefined
}

/** Bytes are shown as base64, because a list of numbers helps no reader. */
function resultOfBytes(bytes: Uint8Array): Pick<CallOutcome, 'ok' | 'output' | 'code'> {
  if (bytes.byteLength > (MAX_SHOWN_CHARS / 4) * 3) {
    const output = `The tool ran, but its result is ${bytes.byteLength} bytes of binary data, which no model can read`
    return { ok: false, code: 'result-too-large', output }
  }
  return { ok: true, output: { type: 'bytes', base64: Buffer.from(bytes).toString('base64') } }
}
