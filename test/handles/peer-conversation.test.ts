import { describe, expect, test } from 'vitest'
import {
  blockPrefixText,
  contextKey,
  type PeerConversationProjection,
  PeerResponseTerminalFactError,
  peerResponseTerminalFact,
  promptText,
} from '../../src/runtime.ts'

const CORRELATION = '0190b6a4-5f3e-7c11-9a9e-0123456789ab'
const PAYLOAD = { files: ['a.txt'], done: true }
const PRETTY = '{\n  "files": [\n    "a.txt"\n  ],\n  "done": true\n}'

type Parts = Parameters<typeof peerResponseTerminalFact>[0]
const parts = (more: Partial<Parts> = {}): Parts => ({
  routeIdentity: 'route-1',
  displayIdentity: 'Ada',
  correlationId: CORRELATION,
  status: 'Completed',
  ...more,
})
const terminal = (more: Partial<Parts> = {}): PeerConversationProjection => ({
  type: 'ResponseTerminal',
  fact: peerResponseTerminalFact(parts(more)),
})
const message: PeerConversationProjection = { type: 'Message', peerId: 'peer-1' }
const request: Extract<PeerConversationProjection, { type: 'Request' }> = {
  type: 'Request',
  peerId: 'peer-1',
  requestId: 'req-1',
  intent: 'review',
}
const progress: Extract<PeerConversationProjection, { type: 'ResponseProgress' }> = {
  type: 'ResponseProgress',
  peerId: 'peer-1',
  requestId: 'req-1',
  phase: 'InProgress',
}

describe('in the conversation', () => {
  test('a message is its content behind a prefix', () => {
    expect([promptText(message), blockPrefixText(message)]).toEqual(['', '[COMMS MESSAGE from peer-1]'])
  })

  const HEAD = '[SYSTEM NOTICE][PEER_REQUEST] Correlated peer request from peer_id peer-1'
  test.each([
    [{}, `${HEAD}. Intent: review. Request ID: req-1. Params: null. `],
    [{ displayName: '  Ada ' }, `${HEAD} (display_name: Ada). Intent: review. Request ID: req-1. Params: null. `],
    [{ displayName: ' \t' }, `${HEAD}. Intent: review. Request ID: req-1. Params: null. `],
    [{ payload: PAYLOAD }, `${HEAD}. Intent: review. Request ID: req-1. Params: ${PRETTY}. `],
    [{ payload: null }, `${HEAD}. Intent: review. Request ID: req-1. Params: null. `],
  ] as const)('a request says who asks what: %j', (more, text) => {
    expect(promptText({ ...request, ...more }).startsWith(text)).toBe(true)
  })

  test('a request says that it is none of the user’s, and how it is answered', () => {
    const text = promptText({ ...request, displayName: 'Ada' })
    expect(text).toContain('not the user')
    const call = '{"peer_id":"peer-1","display_name":"Ada","in_reply_to":"req-1","status":"completed"}'
    expect(text).toContain(`send_response with ${call}`)
    expect(promptText(request)).toContain('{"peer_id":"peer-1","in_reply_to":"req-1","status":"completed"}')
    expect(text).toContain('"failed"')
    expect(text).toContain('send_message does not answer a request')
  })

  test.each([
    ['Accepted', 'accepted'],
    ['InProgress', 'in_progress'],
    ['PartialResult', 'partial_result'],
  ] as const)('progress says how far a peer is: %s', (phase, word) => {
    expect(promptText({ ...progress, phase })).toBe(
      `[SYSTEM NOTICE][PEER_RESPONSE_PROGRESS] Correlated peer response progress from peer-1. Request ID: req-1. Phase: ${word}. Payload: null.`,
    )
    expect(promptText({ ...progress, phase, payload: PAYLOAD })).toMatch(new RegExp(`Phase: ${word}\\. Payload: \\{\n`))
  })

  test.each([
    ['Completed', 'completed'],
    ['Failed', 'failed'],
    ['Cancelled', 'cancelled'],
  ] as const)('an answer says how it ended: %s', (status, word) => {
    expect(promptText(terminal({ status, payload: PAYLOAD }))).toBe(
      `[SYSTEM NOTICE][PEER_RESPONSE_TERMINAL] Correlated peer response from Ada. Request ID: ${CORRELATION}. Status: ${word}. Result: ${PRETTY}.`,
    )
  })

  test('an answer with nothing in it has the result null', () => {
    expect(promptText(terminal())).toMatch(/ Result: null\.$/)
    expect(promptText(terminal({ payload: null }))).toMatch(/ Result: null\.$/)
  })

  test('an answer stands once, by its route and correlation; nothing else has a key', () => {
    expect(contextKey(terminal())).toBe(`peer_response_terminal:route-1:${CORRELATION}`)
    expect(contextKey(terminal({ correlationId: CORRELATION.toUpperCase() }))).toBe(contextKey(terminal()))
    expect([message, request, progress].map(contextKey)).toEqual([undefined, undefined, undefined])
    expect([request, progress, terminal()].map(blockPrefixText)).toEqual([undefined, undefined, undefined])
  })
})

describe('an answer', () => {
  const noDisplay = (): Parts => {
    const { displayIdentity: _, ...rest } = parts()
    return rest
  }
  test.each([
    [parts({ transportIdentity: '' }), 'EmptyTransportIdentity'],
    [parts({ transportIdentity: ' ' }), 'EmptyTransportIdentity'],
    [parts({ routeIdentity: '' }), 'EmptyRouteIdentity'],
    [parts({ routeIdentity: 'a\nb' }), 'InvalidRouteIdentity'],
    [noDisplay(), 'MissingDisplayIdentity'],
    [parts({ displayIdentity: '  ' }), 'EmptyDisplayIdentity'],
    [parts({ displayIdentity: 'A\u0007da' }), 'InvalidDisplayIdentity'],
    [parts({ displayIdentity: 'A\u0085da' }), 'InvalidDisplayIdentity'],
    [parts({ correlationId: '' }), 'EmptyCorrelationId'],
    [parts({ correlationId: 'req-1' }), 'InvalidCorrelationId'],
    [parts({ correlationId: `${CORRELATION}0` }), 'InvalidCorrelationId'],
  ] as const)('is refused: %j is %s', (asked, kind) => {
    expect(() => peerResponseTerminalFact(asked)).toThrow(PeerResponseTerminalFactError)
    expect(() => peerResponseTerminalFact(asked)).toThrow(expect.objectContaining({ kind }))
  })

  test('is taken with everything it came with', () => {
    expect(peerResponseTerminalFact(parts({ transportIdentity: 'tcp', status: 'Failed', payload: 0 }))).toEqual({
      source: { transportIdentity: 'tcp', routeIdentity: 'route-1', displayIdentity: 'Ada' },
      correlationId: CORRELATION,
      status: 'Failed',
      payload: 0,
    })
    expect(peerResponseTerminalFact(parts())).not.toHaveProperty('payload')
  })
})
