/**
 * `meerkat doctor`: what is wrong with this installation, a finding a line. Exit status 1 if something is wrong. It
 * only reads, shows no secret, and asks a model for an answer only where `--model` names one.
 */
import { accessSync, constants, existsSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { asMeerkatError } from '../../../errors.ts'
import { keyVariable } from '../../../executor/provider-keys.ts'
import { diagnose } from '../../../session/diagnose.ts'
import { findServer, serverFile } from '../discovery.ts'
import { EXIT, Exit, oneLine } from '../failure.ts'
import type { Settings } from '../settings.ts'
import type { Shell } from '../shell.ts'
import { parseStore, type StoreSpec, storeOf } from '../store-spec.ts'

interface Finding {
  readonly level: 'ok' | 'warning' | 'error'
  readonly topic: string
  readonly text: string
}

const MARKS = { ok: ['green', 'ok  '], warning: ['yellow', 'warn'], error: ['red', 'FAIL'] } as const
const PROVIDERS = ['openai', 'anthropic', 'google', 'mistral', 'groq', 'xai', 'deepseek'] as const
const LOW_DISK_BYTES = 512 * 2 ** 20

export async function doctor(shell: Shell): Promise<void> {
  const { output } = shell
  const levels = new Set<Finding['level']>()
  const show = (found: readonly Finding[]): void => {
    for (const { level, topic, text } of found) {
      levels.add(level)
      const [style, mark] = MARKS[level]
      if (output.json) output.object({ type: 'finding', level, topic, text })
      else output.line(`${output.style(style, mark)}  ${topic.padEnd(8)} ${oneLine(text)}`)
    }
  }
  show([nodeVersion()])
  const settings = await attempt('settings', () => shell.settings(), show)
  if (settings !== undefined) await examine(shell, settings, show)
  if (output.json) output.object({ type: 'result', ok: !levels.has('error'), warnings: levels.has('warning') })
  if (levels.has('error')) throw new Exit(EXIT.failed)
}

type ShowFindings = (found: readonly Finding[]) => void

async function examine(shell: Shell, settings: Settings, show: ShowFindings): Promise<void> {
  show([
    { level: 'ok', topic: 'settings', text: settings.configFile ?? 'no config file; flags, environment and defaults' },
  ])
  const spec = await attempt('store', () => parseStore(settings.store), show)
  if (spec !== undefined) {
    show(await storeFindings(spec))
    show(await serverFindings(spec, settings))
  }
  show([keys()])
  if (shell.flag('model') !== undefined) show([await modelFinding(settings)])
  else if (settings.model !== undefined)
    show([{ level: 'ok', topic: 'model', text: `${settings.model} is the default; --model asks it for an answer` }])
}

/** The value, or undefined after showing a finding that says why there is none. */
async function attempt<T>(topic: string, ask: () => T | Promise<T>, show: ShowFindings): Promise<T | undefined> {
  try {
    return await ask()
  } catch (error) {
    show([{ level: 'error', topic, text: asMeerkatError(error).message }])
    return undefined
  }
}

/** Its age was checked before any other code ran. */
function nodeVersion(): Finding {
  return { level: 'ok', topic: 'node', text: `${process.version} on ${process.platform} ${process.arch}` }
}

async function storeFindings(spec: StoreSpec): Promise<readonly Finding[]> {
  if (spec.type === 'memory')
    return [{ level: 'warning', topic: 'store', text: 'memory: keeps nothing beyond the process' }]
  if (spec.type === 'sqlite' && !existsSync(spec.path)) return [newStore(spec.path)]
  try {
    const store = await (await storeOf(spec, { readOnly: true })).open()
    try {
      const sound = await store.inspect()
      const stuck = await diagnose(store, Date.now())
      return [
        ...sound.map(({ level, text }) => ({ level, topic: 'store', text })),
        ...stuck.map(({ level, text }) => ({ level, topic: 'work', text })),
      ]
    } finally {
      await store.close()
    }
  } catch (error) {
    return [{ level: 'error', topic: 'store', text: asMeerkatError(error).message }]
  }
}

/** Whether a store could be made there. */
function newStore(path: string): Finding {
  let folder = dirname(path)
  while (!existsSync(folder)) folder = dirname(folder)
  try {
    accessSync(folder, constants.W_OK)
  } catch {
    return {
      level: 'error',
      topic: 'store',
      text: `${path} can't be made: ${folder} is not writable; choose another with --store`,
    }
  }
  const { bavail, bsize } = statfsSync(folder)
  const free = `${Math.round((bavail * bsize) / 2 ** 20)} MB are free`
  const isLow = bavail * bsize < LOW_DISK_BYTES
  return {
    level: isLow ? 'warning' : 'ok',
    topic: 'store',
    text: `${path} is not there yet; the first run makes it, ${free}`,
  }
}

async function serverFindings(spec: StoreSpec, { url, token }: Settings): Promise<readonly Finding[]> {
  const found = await findServer(spec)
  const findings: Finding[] = []
  if (found !== undefined) {
    const needs = found.needsToken && token === undefined ? '; it wants a token, set MEERKAT_TOKEN' : ''
    findings.push({
      level: needs === '' ? 'ok' : 'warning',
      topic: 'server',
      text: `process ${found.pid} serves this store on ${found.url}${needs}`,
    })
  } else {
    const path = serverFile(spec)
    const isStale = path !== undefined && existsSync(path)
    findings.push({
      level: 'ok',
      topic: 'server',
      text: isStale ? `none serves this store; ${path} is left over and ignored` : 'none serves this store',
    })
  }
  if (url !== undefined) findings.push(await reach({ url, token }))
  return findings
}

async function reach({ url, token }: { readonly url: string; readonly token: string | undefined }): Promise<Finding> {
  const { askServer } = await import('../remote.ts')
  try {
    const { name, version, store } = await askServer({ url, token })('runtime/info', {})
    return { level: 'ok', topic: 'server', text: `${url} is ${name} ${version} on ${store}` }
  } catch (error) {
    return { level: 'error', topic: 'server', text: asMeerkatError(error).message }
  }
}

/** The names of the variables that are set, never their values. */
function keys(): Finding {
  const names = [...PROVIDERS.map(keyVariable), 'MEERKAT_API_KEY'].filter(name => name !== undefined)
  const present = names.filter(name => (process.env[name] ?? '').trim() !== '')
  return present.length > 0
    ? { level: 'ok', topic: 'keys', text: `set: ${present.join(', ')}` }
    : { level: 'warning', topic: 'keys', text: 'no provider key is set; demo/agent and local servers need none' }
}

async function modelFinding({ model = '', baseUrl }: Settings): Promise<Finding> {
  const { tryModel } = await import('../try-model.ts')
  const tried = await tryModel(model, baseUrl)
  return { level: tried.ok ? 'ok' : 'error', topic: 'model', text: tried.text }
}
