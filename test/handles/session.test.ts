import { describe, expect, test } from 'vitest'
import { HandleDslAuthority } from '../../src/handles/dsl-authority.ts'
import { EpochCursorState } from '../../src/handles/epoch-cursors.ts'
import { SessionAdmissionHandle } from '../../src/handles/session-admission.ts'
import { DefaultSessionClaimRegistry } from '../../src/handles/session-claim.ts'
import { TurnStateHandle } from '../../src/handles/turn-state.ts'
import { decodeState, encodeState } from '../../src/kernel/encode.ts'
import type { AgentRuntimeId, InputId, OperationId, RunId, RuntimeEpochId, SessionId } from '../../src/kernel/ids.ts'
import { guardRejected, HOST, noTransition, SESSION, written } from './support.ts'

const R = 'r' as RunId
const I = 'i' as InputId

describe('a comms identity', () => {
  const other = 'other' as SessionId

  test('is claimed by one at a time', () => {
    const claims = new DefaultSessionClaimRegistry()
    const claim = claims.tryAcquire(SESSION)
    expect(() => claims.tryAcquire(SESSION)).toThrow(
      expect.objectContaining({ name: 'SessionClaimError', kind: 'SessionIdentityInUse', sessionId: SESSION }),
    )
    claims.tryAcquire(other)
    claim.release()
    expect(claims.tryAcquire(SESSION).sessionId).toBe(SESSION)
  })

  test('let go late does not end the claim of whoever came after', () => {
    const claims = new DefaultSessionClaimRegistry()
    const first = claims.tryAcquire(SESSION)
    claims.release(SESSION)
    claims.release(SESSION)
    claims.tryAcquire(SESSION)
    first.release()
    expect(() => claims.tryAcquire(SESSION)).toThrow(/in use/)
  })

  test('is let go at the end of its block, also of one that fails', () => {
    const claims = new DefaultSessionClaimRegistry()
    const hold = (): void => {
      using claim = claims.tryAcquire(SESSION)
      throw new Error(`while ${claim.sessionId} is held`)
    }
    expect(hold).toThrow(/is held/)
    claims.tryAcquire(SESSION)
  })

  test('is held by one registry’s holders only', () => {
    new DefaultSessionClaimRegistry().tryAcquire(SESSION)
    expect(new DefaultSessionClaimRegistry().tryAcquire(SESSION).sessionId).toBe(SESSION)
  })
})

describe('what is offered to a session', () => {
  const placement = {
    type: 'PrepareBindings',
    sessionId: SESSION,
    runtimeId: HOST,
    fence: 7,
    generation: 1,
    epochId: 'epoch' as RuntimeEpochId,
  } as const

  test('as work for its placement is resolved; for another runtime’s, or none, it is refused', async () => {
    const { authority } = await written(placement)
    const admission = new SessionAdmissionHandle(authority)
    expect(await admission.ingest(HOST, 'w', 'Webhook')).toEqual([
      { type: 'ResolveAdmission', runtimeId: HOST, workId: 'w', origin: 'Webhook' },
    ])
    const elsewhere = 'elsewhere' as AgentRuntimeId
    await expect(admission.ingest(elsewhere, 'w', 'Rpc')).rejects.toMatchObject(guardRejected)
    const nowhere = new SessionAdmissionHandle((await written()).authority)
    await expect(nowhere.ingest(HOST, 'w', 'Rpc')).rejects.toMatchObject(noTransition)
  })

  test('as work for an earlier placement is refused, whichever part of it is older', async () => {
    const { authority } = await written(placement)
    const { type: _, ...now } = placement
    const work = { type: 'Ingest', workId: 'w', origin: 'Rpc', ...now } as const
    const { fence: __, ...unfenced } = work
    for (const stale of [
      { ...work, fence: 6 },
      unfenced,
      { ...work, generation: 2 },
      { ...work, epochId: 'former' as RuntimeEpochId },
      { ...work, sessionId: 'other' as SessionId },
    ]) {
      await expect(authority.applyInput(stale)).rejects.toMatchObject(guardRejected)
    }
    await authority.applyInput(work)
  })

  test('as an input wakes it, unless it is offered without', async () => {
    const admission = new SessionAdmissionHandle((await written()).authority)
    const woken = await admission.acceptWithCompletion(I, { at: 0 })
    const quiet = await admission.acceptWithoutWake('j' as InputId, { at: 0 })
    const types = [woken, quiet].map(effects => effects.map(({ type }) => type))
    expect(types[0]).toContain('PostAdmissionSignal')
    expect(types[1]).not.toContain('PostAdmissionSignal')
    expect(types[1]).toContain('InputAccepted')
  })

  test('is run, committed and over', async () => {
    const { authority } = await written()
    const admission = new SessionAdmissionHandle(authority)
    const turn = new TurnStateHandle(authority)
    await expect(admission.prepare(R, 0)).rejects.toMatchObject(guardRejected)
    await admission.acceptWithCompletion(I, { at: 0 })
    await admission.prepare(R, 0)
    await turn.startImmediateAppend(R)
    await expect(admission.commit(R)).rejects.toMatchObject(guardRejected)
    await turn.primitiveApplied(R)
    await admission.commit(R)
    expect(authority.snapshotState().ledger.entries.size).toBe(0)
    expect(authority.snapshotState().lifecycle.phase).toBe('attached')
  })

  test('waits through a recycling', async () => {
    const { authority } = await written(placement)
    const admission = new SessionAdmissionHandle(authority)
    await admission.acceptWithoutWake(I, { at: 0 })
    const effects = await admission.recycle()
    expect(effects.map(({ type }) => type)).toContain('InitiateRecycle')
    const { ledger, binding } = authority.snapshotState()
    expect([ledger.entries.size, binding.phase]).toEqual([1, 'unbound'])
  })
})

describe('the cursors of an epoch', () => {
  const ZERO = { agentAppliedCursor: 0, runtimeObservedSeq: 0, runtimeLastInjectedSeq: 0 }
  const operationId = 'o' as OperationId

  test('are the kernel’s: they rise with it, never go back, and are recovered with it', async () => {
    const authority = HandleDslAuthority.ephemeral()
    const cursors = EpochCursorState.of(authority)
    expect(cursors.snapshot()).toEqual(ZERO)
    await authority.applyInputs(
      [
        { type: 'RegisterOperation', operationId, kind: 'background-tool-op', at: 0 },
        { type: 'StartOperation', operationId },
        { type: 'CompleteOperation', operationId },
        { type: 'AdvanceOperationCursor', cursor: 'runtimeObserved', through: 1 },
      ],
      () => {},
    )
    const moved = { ...ZERO, runtimeObservedSeq: 1 }
    expect(cursors.snapshot()).toEqual(moved)
    await expect(
      authority.applyInput({ type: 'AdvanceOperationCursor', cursor: 'runtimeObserved', through: 9 }),
    ).rejects.toMatchObject(guardRejected)
    const recovered = decodeState(encodeState(authority.snapshotState()))
    expect(EpochCursorState.fromRecovered(recovered).snapshot()).toEqual(moved)
  })
})
