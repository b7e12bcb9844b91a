/** Sessions to make handles for: one that is nobody else's, and one that a driver writes to a store. */
import { memory } from 'meerkat-ts/store/memory'
import { type FaultyStoreControl, faultyStore, ManualClock } from 'meerkat-ts/testing'
import { onTestFinished } from 'vitest'
import { SessionDriver } from '../../src/driver/driver.ts'
import { Transaction } from '../../src/driver/transaction.ts'
import {
  DriverAuthority,
  HandleDslAuthority,
  type HandledSession,
  HandleTeardownGate,
} from '../../src/handles/dsl-authority.ts'
import type { AgentRuntimeId, PeerCorrelationId, RuntimeEpochId, SessionId } from '../../src/kernel/ids.ts'
import type { MeerkatInput } from '../../src/kernel/inputs.ts'
import { meerkat } from '../../src/kernel/machine.ts'

export const SESSION = 'session' as SessionId
export const HOST = 'host' as AgentRuntimeId
export const correlation = (name: string): PeerCorrelationId => name as PeerCorrelationId

export const noTransition = { name: 'DslTransitionError', kind: 'no-matching-transition' }
export const guardRejected = { name: 'DslTransitionError', kind: 'guard-rejected' }

/** A commit that waits. */
export interface Flight {
  readonly begun: Promise<void>
  readonly release: () => void
}

/** A session that an executor serves, written by a driver to a store whose commits a test decides on. */
export interface Written {
  readonly authority: HandleDslAuthority
  readonly gate: HandleTeardownGate
  readonly session: HandledSession
  readonly control: FaultyStoreControl
  /** Commits wait, from now on, until `release` is called; `begun` resolves when the first of them does. */
  readonly hold: () => Flight
}

export async function written(...prepared: readonly MeerkatInput[]): Promise<Written> {
  const control: FaultyStoreControl = {}
  const store = await faultyStore(memory(), control).open()
  onTestFinished(() => store.close())
  const clock = new ManualClock()
  const tx = new Transaction(meerkat.initial, clock.now())
  tx.step({ type: 'Initialize' })
  tx.step({ type: 'RegisterSession', sessionId: SESSION, epochId: 'epoch' as RuntimeEpochId })
  const record = { id: SESSION, createdAt: clock.now(), options: {} }
  const { claim, position } = await store.create(record, tx.build(1), 'owner')
  const driver = new SessionDriver({
    store,
    clock,
    claim,
    state: tx.state,
    commits: 1,
    position,
    unsnapshotted: 1,
    takeDueSteps: () => {},
    onCommitted: () => {},
    onLost: () => {},
  })
  const serve: MeerkatInput = { type: 'EnsureSessionWithExecutor', sessionId: SESSION }
  await driver.mutate(opened => [serve, ...prepared].map(input => opened.step(input)))
  const gate = new HandleTeardownGate()
  const session: HandledSession = {
    driver,
    demandUnused: () => Promise.resolve(),
    inKeyOrder: (_, act) => act(),
    bound: () => Promise.resolve(undefined),
    keep: () => {},
    tellEnds: () => {},
  }
  const authority = HandleDslAuthority.fromShared(new DriverAuthority(session), gate)
  const hold: Written['hold'] = () => {
    const held = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    control.onCommit = () => {
      begun.resolve()
      return held.promise
    }
    return { begun: begun.promise, release: () => held.resolve() }
  }
  return { authority, gate, session, control, hold }
}
