import { describe, expect, test } from 'vitest'
import { HandleDslAuthority } from '../../src/handles/dsl-authority.ts'
import { InteractionStreamHandle } from '../../src/handles/interaction-stream.ts'
import { PeerInteractionHandle } from '../../src/handles/peer-interaction.ts'
import { correlation, guardRejected } from './support.ts'

const X = correlation('x')

// Oracle 139.
describe('a request of ours', () => {
  test('is sent, makes progress and ends, and is known until then', async () => {
    const requests = new PeerInteractionHandle(HandleDslAuthority.ephemeral())
    const seen = [requests.outboundState(X)]
    for (const step of [
      () => requests.requestSent(X),
      () => requests.responseProgress(X),
      () => requests.responseProgress(X),
      () => requests.responseTerminal(X, 'Completed'),
    ]) {
      await step()
      seen.push(requests.outboundState(X))
    }
    expect(seen).toEqual([undefined, 'Sent', 'AcceptedProgress', 'AcceptedProgress', undefined])
  })

  test.each(['responseRejected', 'requestTimedOut', 'requestSendFailed'] as const)('ends by %s, once', async end => {
    const requests = new PeerInteractionHandle(HandleDslAuthority.ephemeral())
    await expect(requests[end](X)).rejects.toMatchObject({
      ...guardRejected,
      context: expect.stringContaining('meerkat/interactions/') as string,
    })
    await requests.requestSent(X)
    await expect(requests.requestSent(X)).rejects.toMatchObject(guardRejected)
    await requests[end](X)
    await expect(requests[end](X)).rejects.toMatchObject(guardRejected)
  })
})

test('an answer is judged by its status, and nothing changes by that', async () => {
  const authority = HandleDslAuthority.ephemeral()
  const requests = new PeerInteractionHandle(authority)
  const before = authority.snapshotState()
  const judged = (['Accepted', 'Completed', 'Failed'] as const).map(status => requests.classifyResponseReply(status))
  expect(await Promise.all(judged)).toEqual(['Progress', 'TerminalCompleted', 'TerminalFailed'])
  expect(authority.snapshotState()).toBe(before)
})

test('a peer’s request is answered once, in the lane in which it came, whatever becomes of ours', async () => {
  const requests = new PeerInteractionHandle(HandleDslAuthority.ephemeral())
  await requests.requestReceived(X, 'steer')
  await expect(requests.requestReceived(X)).rejects.toMatchObject(guardRejected)
  await requests.requestSent(X)
  await requests.requestTimedOut(X)
  expect([requests.inboundState(X), requests.inboundHandlingMode(X)]).toEqual(['Received', 'steer'])
  await requests.responseReplied(X)
  expect([requests.inboundState(X), requests.inboundHandlingMode(X)]).toEqual([undefined, undefined])
  await expect(requests.responseReplied(X)).rejects.toMatchObject(guardRejected)
  await requests.requestReceived(X)
  expect(requests.inboundHandlingMode(X)).toBe('queue')
})

test('a stream is reserved, attached and completed, or expires before', async () => {
  const streams = new InteractionStreamHandle(HandleDslAuthority.ephemeral())
  await expect(streams.attached(X)).rejects.toMatchObject(guardRejected)
  await streams.reserved(X)
  expect(streams.state(X)).toBe('Reserved')
  await expect(streams.reserved(X)).rejects.toMatchObject(guardRejected)
  await expect(streams.completed(X)).rejects.toMatchObject(guardRejected)
  await streams.attached(X)
  expect(streams.state(X)).toBe('Attached')
  await expect(streams.expired(X)).rejects.toMatchObject(guardRejected)
  await streams.completed(X)
  expect(streams.state(X)).toBeUndefined()
  await streams.reserved(X)
  await streams.expired(X)
  await expect(streams.attached(X)).rejects.toMatchObject(guardRejected)
})
