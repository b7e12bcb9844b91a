/** What is said of a realtime conversation and of the channel that a client holds of it, where little tells it apart. */
import type { LiveChannelId, MeerkatInput, SessionId } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { attached, type Play, SESSION } from './support/play.ts'
import { tornDown } from './support/truth-table.ts'

function after(...inputs: readonly MeerkatInput[]): Play {
  const play = attached()
  play.do(...inputs)
  return play
}

describe('a realtime attachment', () => {
  const intent: MeerkatInput = { type: 'ProjectRealtimeIntent', present: true }
  const clear: MeerkatInput = { type: 'ClearRealtimeReconnectProgress' }

  test.each([intent, { type: 'DetachRealtimeBinding' } as const, clear])('needs a session: $type', input => {
    expect(tornDown().refused(input).kind).toBe('guard-rejected')
  })
})

const here = { sessionId: SESSION, channelId: 'c' as LiveChannelId }
const elsewhere = { ...here, channelId: 'd' as LiveChannelId }
const foreign = { ...here, sessionId: 'other' as SessionId }
const open = { type: 'ResolveLiveOpenAdmission', ...here, llmIdentity: { provider: 'p', model: 'm' } } as const

describe('a live channel', () => {
  test('of another session is neither opened nor answered', () => {
    expect(after(open).refused({ ...open, ...foreign }).kind).toBe('guard-rejected')
    const answer = { type: 'RecordLiveWebrtcAnswerAccepted', ...here, answerObservationSequence: 1 } as const
    for (const wrong of [foreign, elsewhere]) {
      expect(after(open).refused({ ...answer, ...wrong }).kind).toBe('guard-rejected')
    }
  })
})
