/** Rows for one-time tokens: issuing them, and the verdict on a presented one. */

import { mapDelete, mapEntries, mapSet } from '../../persistent-map.ts'
import { rowsAbout, rowsOf } from '../../region.ts'
import { countVerdict, pair, sequenceOf, WHILE_BOUND, WHILE_SERVED, withVerdictCounted } from './changes.ts'
import type { LiveEffect, LiveErrorClass, LiveTokenRejection } from './effect.ts'
import type { LiveTokenIssue, LiveTokenPresented } from './input.ts'
import { isBoundPair, isForAWhile, isNewToken, isNotBoundPair, tokenRules } from './rules.ts'
import type { Sees } from './sees.ts'
import type { BoundLive, Live, LiveTokenEntry, LiveTransport, LiveVerdict } from './state.ts'

/** Adds a token and removes expired ones, so that the validity of a token bounds how many are kept. */
const issued =
  (transport: LiveTransport) =>
  (live: BoundLive, { token, issuedAtMs, ttlMs }: LiveTokenIssue): Live => {
    let { tokens } = live.channel
    for (const [name, { expiresAtMs }] of mapEntries(tokens))
      if (expiresAtMs < issuedAtMs) tokens = mapDelete(tokens, name)
    tokens = mapSet(tokens, token, { transport, expiresAtMs: issuedAtMs + ttlMs, spent: false })
    return withVerdictCounted({ ...live, channel: { ...live.channel, tokens } }, `${transport}TokenIssue`)
  }
const spend =
  (verdict: LiveVerdict) =>
  (live: BoundLive, { token }: LiveTokenPresented, _: Sees, entry: LiveTokenEntry): Live => {
    const tokens = mapSet(live.channel.tokens, token, { ...entry, spent: true })
    return withVerdictCounted({ ...live, channel: { ...live.channel, tokens } }, verdict)
  }

const aboutLive = rowsAbout<Sees, Live, LiveEffect, Live['phase']>()

/** The rows by which a token is issued. */
export function issue(transport: LiveTransport) {
  const verdict = `${transport}TokenIssue` as const
  const type = transport === 'webrtc' ? ('LiveWebrtcTokenIssued' as const) : ('LiveWebsocketTokenIssued' as const)
  const handedOut = (after: Sees, input: LiveTokenIssue): LiveEffect => {
    const expiresAtMs = input.issuedAtMs + input.ttlMs
    return { type, ...pair(input), ...sequenceOf(after, verdict), expiresAtMs }
  }
  const when = [isBoundPair, isNewToken, isForAWhile]
  return [
    rowsOf<Sees, Live, LiveEffect>()<LiveTokenIssue, void, 'bound'>({
      name: 'issued',
      ...WHILE_BOUND,
      when,
      then: issued(transport),
      emit: [handedOut],
    }),
  ]
}

const ADMISSIONS = {
  webrtc: {
    verdict: 'webrtcAnswerAdmission',
    type: 'LiveWebrtcAnswerAdmissionResolved',
    errorClass: 'InvalidParams',
  },
  websocket: {
    verdict: 'websocketTokenAdmission',
    type: 'LiveWebsocketTokenAdmissionResolved',
    errorClass: 'InvalidToken',
  },
} as const satisfies Record<LiveTransport, { verdict: LiveVerdict; type: string; errorClass: LiveErrorClass }>

/** The rows by which a presented token is judged. */
export function admission(transport: LiveTransport) {
  const { verdict, type, errorClass } = ADMISSIONS[transport]
  const { goodToken, isSpentToken, isForOtherChannel, isExpiredToken } = tokenRules(transport)
  const accepted = (after: Sees, input: LiveTokenPresented): LiveEffect => ({
    type,
    ...pair(input),
    ...sequenceOf(after, verdict),
    accepted: true,
  })
  const refused = (rejection: LiveTokenRejection) => ({
    then: countVerdict(verdict),
    emit: [
      (after: Sees, input: LiveTokenPresented): LiveEffect => ({
        type,
        ...pair(input),
        ...sequenceOf(after, verdict),
        accepted: false,
        rejection,
        errorClass,
      }),
    ],
  })
  return [
    aboutLive<LiveTokenPresented, 'bound', LiveTokenEntry>({
      name: 'accepted',
      ...WHILE_BOUND,
      about: goodToken,
      when: [isBoundPair],
      then: spend(verdict),
      emit: [accepted],
    }),
    { name: 'spent', ...WHILE_BOUND, when: [isSpentToken], ...refused('TokenAlreadyConsumed') },
    { name: 'elsewhere', ...WHILE_BOUND, when: [isForOtherChannel], ...refused('TokenChannelMismatch') },
    { name: 'expired', ...WHILE_BOUND, when: [isExpiredToken], ...refused('TokenExpired') },
    { name: 'unbound', ...WHILE_SERVED, when: [isNotBoundPair], ...refused('ChannelNotBound') },
    { name: 'unknown', ...WHILE_BOUND, ...refused('TokenNotFound') },
  ]
}
