/** The session that a command works in: the named one, or a new one. */
import { defined } from '../../defined.ts'
import { asMeerkatError, MeerkatError } from '../../errors.ts'
import type { Ask } from './ask.ts'
import { usage } from './failure.ts'
import type { Settings } from './settings.ts'
import type { SessionView } from './views.ts'

export interface Target {
  readonly session: SessionView
  /** The model for this input, where it is not the session's own. */
  readonly model?: string
}

export async function targetSession(
  ask: Ask,
  settings: Settings,
  wanted: { readonly sessionId: string | undefined; readonly tools: readonly string[] | undefined },
): Promise<Target> {
  const { sessionId, tools } = wanted
  const found = sessionId === undefined ? undefined : await lookUp(ask, sessionId)
  if (found !== undefined) return existing(found, settings, tools)
  const { model, system } = settings
  if (needsModel(settings)) throw modelMissing()
  const { session } = await ask('session/open', {
    ...defined({ sessionId, system, tools: tools && [...tools], model }),
  })
  return { session }
}

async function lookUp(ask: Ask, sessionId: string): Promise<SessionView | undefined> {
  try {
    return (await ask('session/get', { sessionId })).session
  } catch (error) {
    if (asMeerkatError(error).code === 'session-not-found') return undefined
    throw error
  }
}

function existing(session: SessionView, settings: Settings, tools: readonly string[] | undefined): Target {
  const { model, system } = settings
  if (session.model === undefined && needsModel(settings)) throw modelMissing()
  if (system !== undefined && system !== session.system) {
    throw usage(`session ${session.id} has another system prompt: leave --system out, or open a new session`)
  }
  if (tools !== undefined && tools.join() !== session.tools?.join()) {
    throw usage(`session ${session.id} has other tools: leave --tools out, or open a new session`)
  }
  return model === undefined || model === session.model ? { session } : { session, model }
}

/** An executor that the config file makes may need no model. */
function needsModel({ model, options }: Settings): boolean {
  return model === undefined && options.executor === undefined
}

export function modelMissing(): MeerkatError {
  return new MeerkatError(
    'invalid-params',
    'no model is set: give --model PROVIDER/NAME or set MEERKAT_MODEL, or try it without a key: --model demo/agent',
    { details: { setting: 'model' } },
  )
}
