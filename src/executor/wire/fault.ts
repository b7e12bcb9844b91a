/**
 * What is wrong with an answer on its way from the provider.
 *
 * Providers' packages wrap every error in a stream into one of their own, so it is searched for along the chain of
 * causes.
 */

/** `answer-too-large`: the answer exceeds every limit that could be useful, and would again at another attempt. */
export type WireFaultCode = 'answer-too-large'

export class WireFault extends Error {
  override readonly name = 'WireFault'
  readonly code: WireFaultCode

  constructor(code: WireFaultCode, message: string) {
    super(message)
    this.code = code
  }
}

/** The longest chain of causes that is searched; a provider's package makes two or three. */
const MAX_CAUSES = 6

export function wireFaultIn(error: unknown): WireFault | undefined {
  let one = error
  for (let depth = 0; depth < MAX_CAUSES && one instanceof Error; depth++, one = one.cause)
    if (one instanceof WireFault) return one
  return undefined
}

/** Sizes beyond which an answer is dropped, in UTF-16 units. */
export interface WireLimits {
  /** The limit of text, reasoning and arguments of one answer together, and of one event of its stream. */
  readonly maxAnswerChars: number
  /** The limit of the arguments of one tool call. */
  readonly maxArgumentChars: number
}

/** An answer of 16 Mi characters is some four million tokens, arguments of 1 Mi some 250,000. */
export const WIRE_LIMITS: WireLimits = { maxAnswerChars: 16 * 1024 * 1024, maxArgumentChars: 1024 * 1024 }

export function answerTooLarge({ maxAnswerChars }: WireLimits): WireFault {
  return new WireFault('answer-too-large', `the answer is longer than ${maxAnswerChars} characters (maxAnswerChars)`)
}

export function argumentsTooLarge({ maxArgumentChars }: WireLimits): WireFault {
  const message = `the arguments of one tool call are longer than ${maxArgumentChars} characters (maxArgumentChars)`
  return new WireFault('answer-too-large', message)
}

/** A part of an answer beyond any intended size; no option raises this limit. */
export function unmeantAnswer(problem: string): WireFault {
  return new WireFault('answer-too-large', problem)
}
