/**
 * What is wrong with an answer on its way from the provider.
 *
 * Providers' packages wrap whatever goes wrong in a stream into errors of their own, so it is found by looking along the
 * chain of causes.
 */

/** `answer-too-large`: more than anybody wants to keep, and more of it would come if it were asked for again. */
export type WireFaultCode = 'answer-too-large'

export class WireFault extends Error {
  override readonly name = 'WireFault'
  readonly code: WireFaultCode

  constructor(code: WireFaultCode, message: string) {
    super(message)
    this.code = code
  }
}

/** How many errors may stand in one chain of causes; a provider's package makes two or three. */
const MAX_CAUSES = 6

export function wireFaultIn(error: unknown): WireFault | undefined {
  let one = error
  for (let depth = 0; depth < MAX_CAUSES && one instanceof Error; depth++, one = one.cause)
    if (one instanceof WireFault) return one
  return undefined
}

/** Sizes beyond which an answer is dropped, in UTF-16 units. */
export interface WireLimits {
  /** Text, reasoning and arguments of one answer together; one event of its stream can't be longer either. */
  readonly maxAnswerChars: number
  /** The arguments of one tool call. */
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

/** A part of an answer of which there is no more in any answer that was meant: no option allows more. */
export function unmeantAnswer(problem: string): WireFault {
  return new WireFault('answer-too-large', problem)
}
