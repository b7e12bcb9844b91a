import { describe, expect, onTestFinished, test } from 'vitest'
import { InteractionStreamHandle } from '../../src/handles/interaction-stream.ts'
import { PeerInteractionHandle } from '../../src/handles/peer-interaction.ts'
import { SessionContextHandle } from '../../src/handles/session-context.ts'
import type { OperationId } from '../../src/kernel/ids.ts'
import { correlation, guardRejected, written } from './support.ts'

const X = correlation('x')

/** Observers are told after the step, in a microtask of their own. */
const told = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** Hears everything that a handle tells. */
function listener() {
  const heard: unknown[] = []
  return {
    heard,
    onPeerInteractionCleanup: (id: string): void => void heard.push(id),
    onInteractionStreamCleanup: (id: string, reason?: string): void => void heard.push(reason ? [id, reason] : id),
    onSessionContextAdvanced: (at: number): void => void heard.push(at),
  }
}

describe('an observer', () => {
  test('that is replaced hears nothing more, and who replaces it nothing of before', async () => {
    const handle = new SessionContextHandle((await written()).authority)
    const [first, second] = [listener(), listener()]
    handle.installObserver(first)
    await handle.contextAdvanced(1)
    const { watermarkMs } = handle.installObserverWithBaseline(second)
    await handle.contextAdvanced(2)
    await told()
    expect([watermarkMs, first.heard, second.heard]).toEqual([1, [1], [2]])
  })

  test('that goes hears nothing more; what nobody hears is dropped', async () => {
    const handle = new SessionContextHandle((await written()).authority)
    const [first, second] = [listener(), listener()]
    const uninstall = handle.installObserver(first)
    uninstall()
    await handle.contextAdvanced(1)
    handle.installObserver(second)
    // Only who is installed can be taken out.
    uninstall()
    await handle.contextAdvanced(2)
    await told()
    expect([first.heard, second.heard]).toEqual([[], [2]])
  })

  test('hears only what is news', async () => {
    const handle = new SessionContextHandle((await written()).authority)
    const one = listener()
    handle.installObserver(one)
    const answers = []
    for (const at of [5, 5, 4, 6]) answers.push(await handle.contextAdvanced(at))
    await told()
    expect([answers, one.heard, handle.currentWatermarkMs()]).toEqual([[true, false, false, true], [5, 6], 6])
  })

  test('that fails harms nobody: the step stands, and the failure is a warning', async () => {
    const warnings: Error[] = []
    const warn = (warning: Error): void => void warnings.push(warning)
    process.on('warning', warn)
    onTestFinished(() => void process.off('warning', warn))
    const handle = new SessionContextHandle((await written()).authority)
    handle.installObserver({
      onSessionContextAdvanced: () => {
        throw new Error('an observer that fails')
      },
    })
    expect(await handle.contextAdvanced(1)).toBe(true)
    await told()
    expect(warnings.map(({ message }) => message)).toEqual(['an observer that fails'])
  })

  test('may act on the session it hears of', async () => {
    const handle = new SessionContextHandle((await written()).authority)
    const again = Promise.withResolvers<boolean>()
    handle.installObserver({
      onSessionContextAdvanced: at => void (at === 1 && handle.contextAdvanced(2).then(again.resolve, again.reject)),
    })
    await handle.contextAdvanced(1)
    expect(await again.promise).toBe(true)
    expect(handle.currentWatermarkMs()).toBe(2)
  })
})

// Oracle 5 of the handles.
describe('the second end', () => {
  test('of a request is refused, and cleanup was told once', async () => {
    const handle = new PeerInteractionHandle((await written()).authority)
    const one = listener()
    handle.installCleanupObserver(one)
    await handle.requestSent(X)
    const [first, second] = await Promise.allSettled([handle.responseTerminal(X, 'Failed'), handle.requestTimedOut(X)])
    expect(first.status).toBe('fulfilled')
    expect(second).toMatchObject({ status: 'rejected', reason: guardRejected })
    await told()
    expect(one.heard).toEqual([X])
  })

  test('of a stream is refused, and cleanup was told once, with its reason', async () => {
    const handle = new InteractionStreamHandle((await written()).authority)
    const one = listener()
    handle.installCleanupObserver(one)
    await handle.reserved(X)
    await handle.attached(X)
    await handle.closedEarly(X)
    await expect(handle.completed(X)).rejects.toMatchObject(guardRejected)
    await handle.reserved(X)
    await handle.abandoned(X, 'SendFailed')
    await told()
    expect(one.heard).toEqual([X, [X, 'SendFailed']])
    expect(handle.state(X)).toBeUndefined()
  })
})

describe('while a commit is in flight', () => {
  /** An advance that becomes visible with the commit of an input. */
  async function advancing() {
    const session = await written()
    const handle = new SessionContextHandle(session.authority)
    const flight = session.hold()
    const work = { operationId: 'o' as OperationId, kind: 'background-tool-op', at: 0 } as const
    const begun = session.authority.applyInput({ type: 'RegisterOperation', ...work })
    const advanced = handle.contextAdvanced(5)
    await flight.begun
    return { handle, release: flight.release, done: Promise.all([begun, advanced]), session }
  }

  test('an observer is installed: it hears exactly what its baseline lacks', async () => {
    const { handle, release, done } = await advancing()
    const during = listener()
    expect(handle.installObserverWithBaseline(during).watermarkMs).toBe(0)
    release()
    await done
    const { watermarkMs } = handle.installObserverWithBaseline(during)
    expect(watermarkMs).toBe(5)
    await told()
    expect(during.heard).toEqual([5])
  })

  test('one is replaced: who is there when it becomes visible hears of it', async () => {
    const { handle, release, done } = await advancing()
    const [before, during] = [listener(), listener()]
    handle.installObserver(before)
    handle.installObserver(during)
    release()
    await done
    await told()
    expect([before.heard, during.heard]).toEqual([[], [5]])
  })

  test('a request ends: who is installed meanwhile is told to clean up', async () => {
    const { authority, hold } = await written()
    const handle = new PeerInteractionHandle(authority)
    await handle.requestSent(X)
    const { begun, release } = hold()
    const ended = handle.responseTerminal(X, 'Completed')
    await begun
    expect(handle.outboundState(X)).toBe('Sent')
    const during = listener()
    handle.installCleanupObserver(during)
    release()
    await ended
    await told()
    expect(during.heard).toEqual([X])
  })

  test('and it fails: nobody is told, and the end may come again', async () => {
    const { authority, control } = await written()
    const handle = new PeerInteractionHandle(authority)
    await handle.requestSent(X)
    const one = listener()
    handle.installCleanupObserver(one)
    control.onCommit = () => 'before'
    await expect(handle.requestTimedOut(X)).rejects.toMatchObject({ code: 'store-unavailable' })
    await told()
    expect(one.heard).toEqual([])
    delete control.onCommit
    await handle.requestTimedOut(X)
    await told()
    expect(one.heard).toEqual([X])
  })

  test('and its acknowledgement is lost: what landed is told once', async () => {
    const { authority, control } = await written()
    const handle = new PeerInteractionHandle(authority)
    await handle.requestSent(X)
    const one = listener()
    handle.installCleanupObserver(one)
    control.onCommit = () => 'after'
    await handle.requestTimedOut(X)
    await told()
    expect(one.heard).toEqual([X])
    expect(handle.outboundState(X)).toBeUndefined()
  })
})
