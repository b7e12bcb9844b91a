/** Plays inputs to a mob as its driver would, and remembers what it said. */
import type { AgentRuntimeId, PeerId, SessionId } from '../../../src/kernel/ids.ts'
import type { MobEffect } from '../../../src/kernel/mob/effects.ts'
import type { StepDeclaration } from '../../../src/kernel/mob/flows/state.ts'
import type { AgentIdentity, FlowRunId, StepId, WorkId } from '../../../src/kernel/mob/ids.ts'
import type { MobInput } from '../../../src/kernel/mob/inputs.ts'
import { mob } from '../../../src/kernel/mob/machine.ts'
import { type Member, memberOf } from '../../../src/kernel/mob/roster/state.ts'
import type { MobState } from '../../../src/kernel/mob/state.ts'
import type { Of } from '../../../src/kernel/region.ts'
import type { PeerEndpoint } from '../../../src/kernel/regions/trust/state.ts'
import type { Rejection } from '../../../src/kernel/step.ts'
import { deepFreeze } from './deep-freeze.ts'

export const identity = (name: string): AgentIdentity => name as AgentIdentity
export const runtimeId = (name: string): AgentRuntimeId => name as AgentRuntimeId
export const sessionId = (name: string): SessionId => name as SessionId
export const workId = (name: string): WorkId => name as WorkId
/** Where a peer of this name is reached. */
export const endpoint = (name: string, address = `inproc://${name}`): PeerEndpoint => ({
  name,
  peerId: name as PeerId,
  address,
  signingKey: `key of ${name}`,
})
export const flowRunId = (name: string): FlowRunId => name as FlowRunId
export const stepId = (name: string): StepId => name as StepId

/** A step of `worker`s; what is not given is the plainest. */
export function step(
  name: string,
  dependsOn: readonly string[] = [],
  rest: Partial<StepDeclaration> = {},
): StepDeclaration {
  return {
    stepId: stepId(name),
    role: 'worker',
    dependsOn: dependsOn.map(stepId),
    dependsOnMode: 'all',
    dispatch: 'oneToOne',
    failurePolicy: 'escalate',
    maxAttempts: 1,
    ...rest,
  }
}

export class MobPlay {
  state: MobState = mob.initial
  readonly effects: MobEffect[] = []

  /** Plays them in order; answers what the last one said. */
  do(...inputs: readonly MobInput[]): readonly MobEffect[] {
    let said: readonly MobEffect[] = []
    for (const input of inputs) {
      const result = mob.step(deepFreeze(this.state), input)
      if (!result.ok) throw new Error(`${result.context}: ${result.reason}`)
      this.state = result.state
      said = result.effects
      this.effects.push(...said)
      const [broken] = mob.check(this.state)
      if (broken !== undefined) throw new Error(`${input.type} breaks ${broken.invariant}`)
    }
    return said
  }

  refused(input: MobInput): Rejection {
    const result = mob.step(this.state, input)
    if (result.ok) throw new Error(`${input.type} was accepted: ${result.edge}`)
    return result
  }

  get phase(): string {
    return this.state.lifecycle.phase
  }

  member(name: string): Member | undefined {
    return memberOf(this.state, { identity: identity(name) })
  }

  /** Every effect of a type that was said so far. */
  said<T extends MobEffect['type']>(type: T): readonly Of<MobEffect, T>[] {
    return this.effects.filter((one): one is Of<MobEffect, T> => one.type === type)
  }
}

interface MemberOptions {
  /** Absent: a peer. */
  readonly session?: string
  readonly addressable?: boolean
  readonly profile?: string
}

/** The inputs that make a member: `x` is served by runtime `x1`, fence 1. */
export function spawn(name: string, options: MemberOptions = {}): readonly MobInput[] {
  const { session, addressable = false, profile = 'worker' } = options
  const facts = { identity: identity(name), runtimeId: runtimeId(`${name}1`), fence: 1, generation: 1 }
  const place = session === undefined ? {} : { sessionId: sessionId(session) }
  return [
    { type: 'AuthorizeSpawnProfile', identity: facts.identity, profile, digest: 'd', addressable },
    { type: 'BeginSpawnExec', ...facts, ...place, digest: 'd', addressable, mode: 'autonomousHost' },
    { type: 'CommitSpawnMembership', ...facts, ...place },
    { type: 'CommitSpawnActivation', identity: facts.identity },
  ]
}

/** A mob with a coordinator, and a ready member `a` with session `s`. */
export function withMember(): MobPlay {
  const play = new MobPlay()
  play.do({ type: 'BindCoordinator' }, ...spawn('a', { session: 's', addressable: true }))
  play.do({ type: 'ObserveRuntimeReady', runtimeId: runtimeId('a1'), fence: 1 })
  return play
}

export const retireA: Of<MobInput, 'Retire'> = {
  type: 'Retire',
  identity: identity('a'),
  runtimeId: runtimeId('a1'),
  generation: 1,
  sessionId: sessionId('s'),
}
export const aRetired: MobInput = { type: 'ObserveRuntimeRetired', runtimeId: runtimeId('a1'), fence: 1 }
