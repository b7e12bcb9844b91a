/** Sessions with models and tools, in each phase, and what comes of an input there. */
import {
  type AgentRuntimeId,
  type LifecyclePhase,
  type MeerkatInput,
  type RejectionKind,
  type SessionLlm,
  step,
  type ToolAuthority,
} from 'meerkat-ts/kernel'
import { Play, registered, SESSION } from './play.ts'
import { surface } from './walk-models.ts'

export const tool = (name: string, sourceId = 'files'): ToolAuthority => ({ name, kind: 'mcp', sourceId })
export const seeing: SessionLlm = { identity: { provider: 'p', model: 'seeing' }, surface: surface() }
export const blind: SessionLlm = {
  identity: { provider: 'p', model: 'blind' },
  surface: surface({ imageToolResults: false, realtime: false }),
}
export const unresolved: SessionLlm = { identity: { provider: 'self', model: 'unheard-of' } }

/** Filters may name read, write and view_image; search is deferred. */
export const CATALOGS: readonly MeerkatInput[] = [
  { type: 'ReplaceFilterToolAuthorityCatalog', catalog: [tool('read'), tool('write'), tool('view_image')] },
  { type: 'ReplaceDeferredToolAuthorityCatalog', catalog: [tool('search'), tool('index')] },
]

const PLACED: readonly MeerkatInput[] = [
  { type: 'PrepareBindings', sessionId: SESSION, runtimeId: 'host' as AgentRuntimeId, fence: 1, generation: 1 },
  { type: 'EnsureSessionWithExecutor', sessionId: SESSION },
]

/** A session with an executor on a host. */
export function served(...prepared: readonly MeerkatInput[]): Play {
  const play = registered()
  play.do(...prepared, ...PLACED)
  return play
}

/** A session with a run whose turn asks the model. */
export function busy(...prepared: readonly MeerkatInput[]): Play {
  const play = served(...prepared)
  play.accept('a')
  play.begin('r')
  return play
}

/** The same session in each phase; `prepared` comes first where there is a session to prepare. */
export const sessionIn: Record<LifecyclePhase, (...prepared: readonly MeerkatInput[]) => Play> = {
  initializing: () => new Play(),
  idle: (...prepared) => {
    const play = registered()
    play.do(...prepared)
    return play
  },
  attached: served,
  running: busy,
  retired: (...prepared) => {
    const play = served(...prepared)
    play.do({ type: 'Retire' })
    return play
  },
  stopped: (...prepared) => {
    const play = served(...prepared)
    play.do({ type: 'StopRuntimeExecutor', reason: 'test' }, { type: 'RuntimeExecutorExited' })
    return play
  },
  destroyed: (...prepared) => {
    const play = served(...prepared)
    play.do({ type: 'Destroy' })
    return play
  },
}

export type Outcome = 'taken' | RejectionKind

function outcome({ state }: Play, input: MeerkatInput): Outcome {
  const result = step(state, input)
  return result.ok ? 'taken' : result.kind
}

type Table<Type extends string> = Record<LifecyclePhase, Record<Type, Outcome>>

/** What comes of each input in each phase. */
export function outcomes<Type extends string>(
  inputs: Record<Type, MeerkatInput>,
  prepared: readonly MeerkatInput[],
): Table<Type> {
  const phases = Object.keys(sessionIn) as LifecyclePhase[]
  const types = Object.keys(inputs) as Type[]
  const rows = phases.map(phase => {
    const play = sessionIn[phase](...prepared)
    return [phase, Object.fromEntries(types.map(type => [type, outcome(play, inputs[type])]))]
  })
  return Object.fromEntries(rows) as Table<Type>
}

/** One answer for all but a few. */
export function all<Type extends string>(
  inputs: Record<Type, MeerkatInput>,
  answer: Outcome,
  but: Partial<Record<NoInfer<Type>, Outcome>> = {},
): Record<Type, Outcome> {
  const same = Object.fromEntries(Object.keys(inputs).map(type => [type, answer])) as Record<Type, Outcome>
  return { ...same, ...but }
}
