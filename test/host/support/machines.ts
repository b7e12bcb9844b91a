/** Machines for tests: opened with one call, closed after the test. */

import { MeerkatError } from 'meerkat-ts'
import { afterEach } from 'vitest'
import type { CoreExecutor } from '../../../src/executor/executor.ts'
import type { SessionRuntimeBindings } from '../../../src/host/bindings.ts'
import { LiveChannels } from '../../../src/host/live.ts'
import { type MachineOptions, MeerkatMachine } from '../../../src/host/meerkat-machine.ts'
import { partsOver } from '../../../src/host/parts.ts'
import { RealtimeAttachments } from '../../../src/host/realtime.ts'
import type { AgentRuntimeId, SessionId } from '../../../src/kernel/ids.ts'
import type { SessionLlmCapabilitySurface } from '../../../src/kernel/regions/llm/state.ts'
import { createRuntime } from '../../../src/session/create-runtime.ts'
import type { Runtime } from '../../../src/session/runtime.ts'

export const S = 's' as SessionId

const machines: MeerkatMachine[] = []
const runtimes: Runtime[] = []
afterEach(async () => {
  await Promise.all([...machines.splice(0), ...runtimes.splice(0)].map(one => one.close()))
})

export async function ephemeral(options: MachineOptions = {}): Promise<MeerkatMachine> {
  const machine = await MeerkatMachine.ephemeral(options)
  machines.push(machine)
  return machine
}

/** Answers each run at once. */
export function answering(): CoreExecutor {
  return {
    name: 'answering',
    apply: () => Promise.resolve({ type: 'completed', turn: 1, message: { role: 'assistant', content: 'done' } }),
  }
}

/** A session that is served, and what its agent has. */
export async function served(
  options: MachineOptions = {},
): Promise<{ readonly machine: MeerkatMachine; readonly bindings: SessionRuntimeBindings }> {
  const machine = await ephemeral(options)
  await machine.registerSessionWithExecutor(S, answering())
  return { machine, bindings: await machine.prepareBindings(S) }
}

/** What a model can do that can do most things. */
export const ABLE: SessionLlmCapabilitySurface = {
  supportsTemperature: true,
  supportsThinking: true,
  supportsReasoning: true,
  inlineVideo: false,
  vision: true,
  imageInput: true,
  imageToolResults: true,
  supportsWebSearch: false,
  imageGeneration: false,
  realtime: true,
}

/** The parts of a machine with a served session whose model does realtime, or does not, or of which nothing is known. */
export async function withModel(realtime?: boolean) {
  const runtime = await createRuntime()
  runtimes.push(runtime)
  const { core, entries, registrations } = await partsOver(runtime)
  await registrations.register(S, {})
  const { authority } = entries.of(S)
  const surface = realtime === undefined ? {} : { surface: { ...ABLE, realtime } }
  await authority.applyInput({ type: 'HydrateSessionLlmState', identity: { model: 'm', provider: 'p' }, ...surface })
  await registrations.ensureExecutor(S, answering)
  const { epochId } = authority.snapshotState().binding
  const placement = { runtimeId: 'r' as AgentRuntimeId, fence: 1, generation: 1, ...(epochId && { epochId }) }
  await entries.live(S).driver.mutate(tx => tx.step({ type: 'PrepareBindings', sessionId: S, ...placement }))
  return {
    authority,
    attachments: new RealtimeAttachments(entries),
    channels: new LiveChannels(entries, core.clock),
  }
}

/** What a call fails with. */
export async function failure(act: Promise<unknown> | (() => unknown)): Promise<MeerkatError> {
  try {
    await (typeof act === 'function' ? act() : act)
  } catch (error) {
    if (error instanceof MeerkatError) return error
    throw error
  }
  throw new Error('it did not fail')
}
