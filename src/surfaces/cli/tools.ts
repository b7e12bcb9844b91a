/** Which tools an agent gets: those of the config file or of a module, all or some by name. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { AgentTool } from '../../executor/agent/tool.ts'
import { usage } from './failure.ts'
import type { Shell } from './shell.ts'
import { toolsIn } from './tools-in.ts'
import { loadUserModule } from './user-module.ts'

type Choice =
  | { readonly type: 'all' }
  | { readonly type: 'named'; readonly names: readonly string[] }
  | { readonly type: 'module'; readonly path: string }

/** Parses `--tools`. */
function choice(shell: Shell): Choice {
  const given = shell.flag('tools')?.trim()
  if (given === undefined) return { type: 'all' }
  if (given === 'none' || given === '') return { type: 'named', names: [] }
  if (/[/\\]|\.[cm]?[jt]s$/.test(given)) return { type: 'module', path: resolve(given) }
  return { type: 'named', names: namesIn(given) }
}

/** The names of a flag, which stand between commas. */
export function namesIn(given: string): readonly string[] {
  return given
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '')
}

/** The names that a new session is limited to; undefined: all. */
export function toolNames(shell: Shell): readonly string[] | undefined {
  const chosen = choice(shell)
  return chosen.type === 'named' ? chosen.names : undefined
}

/**
 * Loads the tools, those of the package that are switched on among them; `demo` where none are configured. An unknown
 * name is refused before anything runs.
 */
export async function loadTools(
  shell: Shell,
  { builtIn, demo }: { readonly builtIn: readonly AgentTool[]; readonly demo: () => readonly AgentTool[] },
): Promise<readonly AgentTool[]> {
  const chosen = choice(shell)
  const { tools, configFile } = await shell.settings()
  const found =
    chosen.type === 'module'
      ? toolsIn(await load(chosen.path), chosen.path)
      : tools === undefined
        ? demo()
        : toolsIn(tools, configFile ?? 'the config file')
  const all = [...found, ...builtIn]
  if (chosen.type === 'named') refuseUnknown(chosen.names, all)
  return all
}

function refuseUnknown(names: readonly string[], tools: readonly AgentTool[]): void {
  const missing = names.filter(name => !tools.some(tool => tool.name === name))
  if (missing.length === 0) return
  const known = tools.length === 0 ? 'no tools are configured' : `there are ${tools.map(({ name }) => name).join(', ')}`
  throw usage(
    `--tools names ${missing.join(', ')}: ${known}; meerkat.config.ts or --tools ./FILE.ts may bring them, and --builtins switches those of the package on`,
  )
}

async function load(path: string): Promise<unknown> {
  if (!existsSync(path)) throw usage(`--tools: there is no file ${path}`)
  const module = await loadUserModule(path, `--tools: ${path}`)
  return module['tools'] ?? module['default'] ?? { ...module }
}
