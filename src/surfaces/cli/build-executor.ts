/** Makes the agent of the command line, from the default model and the tools that are configured. */
import { agent } from '../../executor/agent/agent.ts'
import type { ToolSource, Tools } from '../../executor/agent/agent-options.ts'
import { demoModel } from '../../executor/agent/demo-model.ts'
import { demoTools } from '../../executor/agent/demo-tools.ts'
import type { LanguageModel } from '../../executor/agent/model.ts'
import type { AgentTool } from '../../executor/agent/tool.ts'
import type { CoreExecutor } from '../../executor/executor.ts'
import { resolveModel } from '../../executor/providers.ts'
import { type Builtins, builtinTools, namedBuiltins } from '../../tools/builtins.ts'
import { usage } from './failure.ts'
import type { Shell } from './shell.ts'
import { modelMissing } from './target-session.ts'
import { loadTools, namesIn } from './tools.ts'

const DEMO = 'demo/agent'

export async function buildExecutor(shell: Shell): Promise<CoreExecutor> {
  const { model: defaultModel, baseUrl, options } = await shell.settings()
  if (options.executor !== undefined) return withoutTools(shell, options.executor)
  const model = async (id: string | undefined): Promise<LanguageModel> => {
    const wanted = id ?? defaultModel
    if (wanted === undefined) throw modelMissing()
    return makeModel(wanted, baseUrl)
  }
  // A missing key or package is reported before any input is accepted.
  if (defaultModel !== undefined) await model(undefined)
  const { builtins, ...agentOptions } = options.agent
  const builtIn = builtinTools('builtins', switchedOn(shell, builtins))
  const made = agent({ ...agentOptions, model, tools: await toolsFor(shell, defaultModel, builtIn) })
  return defaultModel === undefined ? made : { ...made, models: () => ({ ...made.models?.(), default: defaultModel }) }
}

/** An executor that the config file makes has its own tools. */
function withoutTools(shell: Shell, executor: CoreExecutor): CoreExecutor {
  const flag = ['tools', 'builtins'].find(name => shell.flag(name) !== undefined)
  if (flag === undefined) return executor
  throw usage(`--${flag} changes nothing: the executor of the config file brings its own tools`)
}

async function makeModel(id: string, baseUrl: string | undefined): Promise<LanguageModel> {
  return id === DEMO ? demoModel() : resolveModel(id, baseUrl === undefined ? {} : { baseUrl })
}

/** The built-in tools: those that `--builtins` names, with the config file's options, else those of the config file. */
function switchedOn(shell: Shell, configured: Builtins | undefined): Builtins {
  const named = shell.flag('builtins')
  if (named === undefined) return configured ?? []
  return named.trim() === 'none' ? [] : namedBuiltins('--builtins', namesIn(named), configured)
}

/** The demo agent has tools of its own where none are configured; other models don't get them. */
async function toolsFor(
  shell: Shell,
  defaultModel: string | undefined,
  builtIn: readonly AgentTool[],
): Promise<Tools | ToolSource> {
  const tools = await loadTools(shell, { builtIn, demo: () => (defaultModel === DEMO ? demoTools() : []) })
  return tools.length > 0 ? tools : ({ model }) => (model === DEMO ? demoTools() : [])
}
