/** Asks a model for a word, to find out whether it can be reached and accepts the key. */

import { asMeerkatError } from '../../errors.ts'
import { asStreamingModel } from '../../executor/agent/model.ts'
import { modelFailure } from '../../executor/agent/model-failure.ts'
import { resolveModel } from '../../executor/providers.ts'

const TRY_MS = 20_000

/** Whether the model answers, and what happened in words. */
export async function tryModel(
  id: string,
  baseUrl: string | undefined,
): Promise<{ readonly ok: boolean; readonly text: string }> {
  let model: ReturnType<typeof asStreamingModel>
  try {
    model = asStreamingModel(await resolveModel(id, baseUrl === undefined ? {} : { baseUrl }))
  } catch (error) {
    return { ok: false, text: asMeerkatError(error).message }
  }
  const startedAt = performance.now()
  try {
    const { stream } = await model.doStream({
      prompt: [{ role: 'user', content: [{ type: 'text', text: 'Say ok.' }] }],
      maxOutputTokens: 16,
      abortSignal: AbortSignal.timeout(TRY_MS),
    })
    for await (const part of stream) if (part.type === 'error') throw part.error
    return { ok: true, text: `${id} answers after ${Math.round(performance.now() - startedAt)} ms` }
  } catch (error) {
    return { ok: false, text: modelFailure(error, model, Date.now()).message }
  }
}
