/** Classifies a provider's answer to a request for an image. */

import type { ImageErrorCode, ImageObservation } from './input.ts'
import type { ImageTerminal } from './state.ts'

const BY_CODE: Readonly<Record<ImageErrorCode, ImageTerminal>> = {
  geminiDeadlineExceeded: 'timeout',
  openAiContentFilter: 'safetyFiltered',
  geminiSafety: 'safetyFiltered',
  openAiModelRefusal: 'refusedByProvider',
  geminiModelRefusal: 'refusedByProvider',
}
const BY_STATUS: ReadonlyMap<number, ImageTerminal> = new Map([
  [408, 'timeout'],
  [504, 'timeout'],
  [499, 'cancelled'],
])

/** How an image operation ended, by the observation. */
export function classifyImageTerminal(seen: ImageObservation): ImageTerminal {
  switch (seen.type) {
    case 'generated':
    case 'emptyResult':
      return seen.type
    case 'executionFailed':
    case 'blobCommitFailed':
      return 'failed'
    case 'providerHttpError':
      return BY_STATUS.get(seen.httpStatus) ?? byCode(seen.code)
    case 'providerNativeError':
      return byCode(seen.code)
  }
}

function byCode(code: ImageErrorCode | undefined): ImageTerminal {
  return code === undefined ? 'failed' : BY_CODE[code]
}
