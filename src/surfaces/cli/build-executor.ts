/** The agent of the command line: the default model of the settings, the tools that are configured. */
import { agent } from '../../executor/agent/index.ts'
import type { LanguageModel } from '../../executor/agent/model.ts'
import type { CoreExecutor } from '../../executor/executor.ts'
import type { Shell } from './shell.ts'
import { modelMissing } from './target-session.ts'
import { loadTools } from './tools.ts'

export async function buildExecutor(shell: Shell): Promise<CoreExecutor> {
  const { model: defaultModel, baseUrl } = await shell.settings()
  const tools = await loadTools(shell)
  const model = async (id: string | undefined): Promise<LanguageModel> => {
    const wanted = id ?? defaultModel
    if (wanted === undefined) throw modelMissing()
    // The demo agent is here already; the packages of real models are loaded for real models only.
    const { resolveModel } = await import('../../executor/providers.ts')
    return resolveModel(wanted, baseUrl === undefined ? {} : { baseUrl })
  }
  return agent({ model, tools })
}
