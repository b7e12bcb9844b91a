/**
 * Whether a provider's error says that a request is longer than its model can take.
 *
 * Few providers have a code for it, so their sentences are matched, one line for each provider. A sentence about tokens
 * a minute is a rate limit, which a shorter request would not mend.
 */

const CODES = /context_length|context_window|context_size|context_overflow|too_long|request_too_large|string_above_max/

const SENTENCES: readonly RegExp[] = [
  // OpenAI, Azure, vLLM, DeepSeek, OpenRouter; xAI says prompt, vLLM model, LM Studio and Mistral context.
  /maximum (?:context|prompt|model|input|sequence) length/,
  /max(?:imum)? (?:allowed )?(?:context|prompt|model|input) (?:length|len|size|window)/,
  // OpenAI's Responses, llama.cpp, llama-cpp-python, Ollama, MiniMax, LiteLLM.
  /(?:exceed\w*|larger than|longer than|greater than|over) (?:the |this |that |its )?(?:model'?s? |available |maximum |allowed )*context/,
  /context (?:window|length|size|limit) (?:has been |is |was )?exceed/,
  /context ?window ?exceeded/,
  // Anthropic, Bedrock, Ollama, Google's older models.
  /(?:prompt|input|request|conversation|context)s? (?:is |are |was )?too (?:long|large|big)/,
  /input length and `?max_tokens`? exceed/,
  // Google.
  /input token count.*exceeds/,
  /exceeds the (?:maximum )?(?:number of tokens|token limit|input limit|limit of \d+)/,
  // Groq, OpenAI.
  /reduce (?:the|your) (?:length|size) of the (?:messages|prompt|input)|reduce the length of/,
  /(?:input or output|input|prompt) tokens must be reduced|reduce your (?:prompt|message size)/,
  // LM Studio.
  /context (?:the )?overflow|context length of only/,
  // TGI.
  /`?inputs`? tokens \+ `?max_new_tokens`? must be|`?inputs`? must have less than/,
  // Mistral; Kimi, GitHub; Qwen; Z.ai.
  /too large for model with/,
  /exceed\w* (?:the )?(?:model )?(?:token limit|max(?:imum)? (?:length|tokens))|token limit exceeded|too many (?:input |prompt )?tokens/,
  /range of input length should be/,
  /tokens in request more than max tokens/,
  // A file that is too large would be too large in every later request, too.
  /\b(?:image|file|document|pdf|audio|video|attachment|payload|request body|entity)s?\b[^.]*(?:exceed|too (?:large|big|many)|larger than)/,
  // llama-server's slots.
  /\bn_ctx\b/,
]

const OF_A_RATE = /per (?:second|minute|min|hour|day)|\b[rt]p[mds]\b|rate.?limit|quota|please wait|throttl/

/** A request above the limit of a minute: waiting does not help. */
const TOO_LARGE_AT_ONCE = /request too large/

export function saysTooLong(message: string, codes: readonly string[]): boolean {
  if (codes.some(code => CODES.test(code))) return true
  const said = message.toLowerCase()
  if (TOO_LARGE_AT_ONCE.test(said)) return true
  return !OF_A_RATE.test(said) && SENTENCES.some(sentence => sentence.test(said))
}
