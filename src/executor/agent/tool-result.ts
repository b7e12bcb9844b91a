/** What a tool answered, as the record and the model get it: plain JSON of a bounded size, or why it is none. */
import { isAnyArrayBuffer } from 'node:util/types'
import { cutText, jsonOf, wellFormed } from '../../foreign.ts'
import type { CallOutcome } from '../executor.ts'

/** Longer results are cut: they would crowd the conversation out of the model's sight. */
const MAX_SHOWN_CHARS = 256 * 1024
/** Values whose JSON would be longer than this are not even written, only to be cut. */
const MAX_JSON_CHARS = 16 * 1024 * 1024

/** The outcome of a call that answered this. Never throws, whatever the value does. */
export function resultOf(value: unknown): Pick<CallOutcome, 'ok' | 'output' | 'code'> {
  if (typeof value === 'string') return { ok: true, output: shown(value, value.length + 2) }
  const bytes = bytesOf(value)
  if (bytes !== undefined) return resultOfBytes(bytes)
  const json = jsonOf(value, MAX_JSON_CHARS)
  if ('problem' in json) {
    const output = `The tool ran, but its result can't be written as JSON: ${json.problem}`
    return { ok: false, code: json.tooLong === true ? 'result-too-large' : 'invalid-result', output }
  }
  if (json.text.length <= MAX_SHOWN_CHARS) return { ok: true, output: json.value }
  return { ok: true, output: shown(typeof json.value === 'string' ? json.value : json.text, json.text.length) }
}

function shown(text: string, length: number): string {
  if (length <= MAX_SHOWN_CHARS) return wellFormed(text)
  return `${wellFormed(cutText(text, MAX_SHOWN_CHARS))}\n[truncated: ${MAX_SHOWN_CHARS} of ${length} characters]`
}

function bytesOf(value: unknown): Uint8Array | undefined {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  return isAnyArrayBuffer(value) ? new Uint8Array(value) : undefined
}

/** A buffer as a list of numbers is of no use to anybody: it is told as base64. */
function resultOfBytes(bytes: Uint8Array): Pick<CallOutcome, 'ok' | 'output' | 'code'> {
  if (bytes.byteLength > (MAX_SHOWN_CHARS / 4) * 3) {
    const output = `The tool ran, but its result is ${bytes.byteLength} bytes of binary data, which no model can read`
    return { ok: false, code: 'result-too-large', output }
  }
  return { ok: true, output: { type: 'bytes', base64: Buffer.from(bytes).toString('base64') } }
}
