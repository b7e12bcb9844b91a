/** The environment variables that hold providers' keys. */
const KEYS: Readonly<Record<string, string>> = {
  anthropic: 'ANTHROPIC_API_KEY',
  cerebras: 'CEREBRAS_API_KEY',
  cohere: 'COHERE_API_KEY',
  deepinfra: 'DEEPINFRA_API_KEY',
  deepseek: 'DEEPSEEK_API_KEY',
  fireworks: 'FIREWORKS_API_KEY',
  google: 'GOOGLE_GENERATIVE_AI_API_KEY',
  groq: 'GROQ_API_KEY',
  mistral: 'MISTRAL_API_KEY',
  openai: 'OPENAI_API_KEY',
  perplexity: 'PERPLEXITY_API_KEY',
  togetherai: 'TOGETHER_API_KEY',
  xai: 'XAI_API_KEY',
}

/** The environment variable with the key of a provider such as `openai`; undefined: not known. */
export function keyVariable(provider: string): string | undefined {
  return Object.hasOwn(KEYS, provider) ? KEYS[provider] : undefined
}

/** What to do about a missing or refused key. Takes the provider name of a model, such as `openai.responses`. */
export function keyHint(provider: string): string {
  const variable = keyVariable(provider.split('.')[0] ?? provider)
  return variable === undefined
    ? `set the key of ${provider} (MEERKAT_API_KEY for a compatible/… model), or try --model demo/agent, which needs none`
    : `set ${variable} to a valid key, or try --model demo/agent, which needs none`
}
