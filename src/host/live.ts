/**
 * The live channels that clients hold of a machine's sessions, as the host that carries them reports. Each answer to a
 * client is a verdict of the session's machine (see `live-authorities.ts`).
 *
 * A one-time token is made here and goes to its client; only a digest of it is kept.
 */
import { createHash, randomBytes } from 'node:crypto'
import { MeerkatError } from '../errors.ts'
import {
  LiveAuthorities,
  type LiveCapability,
  type LiveChannelRequestRejectionAuthority,
  type LiveChannelStatusAuthority,
  type LiveCloseResultAuthority,
  type LiveCommandRejectionAuthority,
  type LiveCommandResultAuthority,
  type LiveOpenAdmissionAuthority,
  type LiveRefreshResultAuthority,
  LiveRejections,
  type LiveTokenIssuing,
  type LiveTokenPresenting,
  type LiveWebrtcAnswerAdmissionAuthority,
  type LiveWebrtcAnswerResultAuthority,
  type LiveWebrtcTokenAuthority,
  type LiveWebsocketTokenAdmissionAuthority,
  type LiveWebsocketTokenAuthority,
} from '../handles/live-authorities.ts'
import type { LiveChannelId, LiveToken, SessionId } from '../kernel/ids.ts'
import type {
  LiveCommand,
  LiveCommandRejection,
  LiveRequest,
  LiveRequestRejection,
} from '../kernel/regions/live/input.ts'
import { type LiveStatus, liveRecordOf } from '../kernel/regions/live/state.ts'
import { type SessionLlmIdentity, surfaceOf } from '../kernel/regions/llm/state.ts'
import type { Clock } from '../time.ts'
import * as takes from './arguments.ts'
import type { Entries, Entry } from './entries.ts'
import { validated } from './errors.ts'

/** How long a token is valid. */
const TOKEN_TTL_MS = 60_000

/** A token for its client, and the machine's verdict that it was issued. */
export interface IssuedLiveToken<Authority> {
  /** A secret: it is enough to take the channel. */
  readonly token: string
  readonly authority: Authority
}

/** Refusals of the machine are `rejected`; a session that is not registered is `not-ready`. Sequences rise from 1. */
export class LiveChannels {
  /** For channels that belong to no session. */
  readonly unbound = LiveRejections.unbound()
  readonly #entries: Entries
  readonly #clock: Clock
  readonly #authorities = new WeakMap<Entry, LiveAuthorities>()

  static {
    const { id, later, now, optional, ofSession, count, words } = takes
    const channel = later(id, id)
    const numbered = later(id, id, count)
    const presented = later(id, id, words)
    takes.checkArguments(this, {
      resolveOpenAdmission: later(id, id, optional(takes.identity)),
      abandonOpenAdmission: channel,
      recordRefreshQueued: numbered,
      recordCloseClosed: numbered,
      recordCommandAccepted: later(id, id, id, count),
      recordCommandRejected: later(id, id, id, takes.anything),
      recordChannelRequestRejected: later(id, id, id, takes.anything),
      recordChannelStatus: later(id, id, takes.anObject, count),
      issueWebrtcToken: channel,
      issueWebsocketToken: channel,
      resolveWebrtcAnswerAdmission: presented,
      resolveWebsocketTokenAdmission: presented,
      recordWebrtcAnswerAccepted: later(ofSession, count),
      spend: now(ofSession),
      isGenuine: now(id, takes.anything),
      activeChannel: now(id),
      channelStatus: now(id, id),
    })
  }

  constructor(entries: Entries, clock: Clock) {
    this.#entries = entries
    this.#clock = clock
  }

  /**
   * Whether a client may have this channel. `llmIdentity`: the model that is to answer in it; default: the session's
   * own. The verdict may be a refusal; where it admits, the channel is opened with `spend(verdict.open)` or abandoned.
   */
  async resolveOpenAdmission(
    sessionId: SessionId,
    channelId: LiveChannelId,
    llmIdentity?: SessionLlmIdentity,
  ): Promise<LiveOpenAdmissionAuthority> {
    const identity = llmIdentity ?? modelOf(this.#entries.of(sessionId))
    return this.#say(sessionId, 'opening a channel', live => live.resolveOpenAdmission(channelId, identity))
  }

  /** The channel that was admitted did not come about. */
  abandonOpenAdmission(sessionId: SessionId, channelId: LiveChannelId): Promise<void> {
    return this.#say(sessionId, 'giving a channel up', live => live.abandonOpenAdmission(channelId))
  }

  recordRefreshQueued(
    sessionId: SessionId,
    channelId: LiveChannelId,
    queueAcceptanceSequence: number,
  ): Promise<LiveRefreshResultAuthority> {
    return this.#say(sessionId, 'the refresh', live => live.recordRefreshQueued(channelId, queueAcceptanceSequence))
  }

  recordCloseClosed(
    sessionId: SessionId,
    channelId: LiveChannelId,
    closeObservationSequence: number,
  ): Promise<LiveCloseResultAuthority> {
    return this.#say(sessionId, 'the close', live => live.recordCloseClosed(channelId, closeObservationSequence))
  }

  recordCommandAccepted(
    sessionId: SessionId,
    channelId: LiveChannelId,
    command: LiveCommand,
    commandAcceptanceSequence: number,
  ): Promise<LiveCommandResultAuthority> {
    return this.#say(sessionId, command, live =>
      live.recordCommandAccepted(channelId, command, commandAcceptanceSequence),
    )
  }

  recordCommandRejected(
    sessionId: SessionId,
    channelId: LiveChannelId,
    command: LiveCommand,
    rejection: LiveCommandRejection,
  ): Promise<LiveCommandRejectionAuthority> {
    return this.#say(sessionId, command, live => live.rejections.recordCommandRejected(channelId, command, rejection))
  }

  recordChannelRequestRejected(
    sessionId: SessionId,
    channelId: LiveChannelId,
    request: LiveRequest,
    rejection: LiveRequestRejection,
  ): Promise<LiveChannelRequestRejectionAuthority> {
    return this.#say(sessionId, request, live =>
      live.rejections.recordChannelRequestRejected(channelId, request, rejection),
    )
  }

  recordChannelStatus(
    sessionId: SessionId,
    channelId: LiveChannelId,
    status: LiveStatus,
    statusObservationSequence: number,
  ): Promise<LiveChannelStatusAuthority> {
    return this.#say(sessionId, 'the status', live =>
      live.recordChannelStatus(channelId, status, statusObservationSequence),
    )
  }

  /** A token that is good for one offer, within a minute. */
  issueWebrtcToken(sessionId: SessionId, channelId: LiveChannelId): Promise<IssuedLiveToken<LiveWebrtcTokenAuthority>> {
    return this.#issue(sessionId, (live, token) => live.recordWebrtcTokenIssued(channelId, token))
  }
  /** A token that is good for one connection, within a minute. */
  issueWebsocketToken(
    sessionId: SessionId,
    channelId: LiveChannelId,
  ): Promise<IssuedLiveToken<LiveWebsocketTokenAuthority>> {
    return this.#issue(sessionId, (live, token) => live.recordWebsocketTokenIssued(channelId, token))
  }

  /** Whether the client that presents this token may be answered. Only success spends the token. */
  resolveWebrtcAnswerAdmission(
    sessionId: SessionId,
    channelId: LiveChannelId,
    token: string,
  ): Promise<LiveWebrtcAnswerAdmissionAuthority> {
    const presented = this.#presented(token)
    return this.#say(sessionId, 'the offer', live => live.resolveWebrtcAnswerAdmission(channelId, presented))
  }
  /** Whether the client that presents this token may have the channel. Only success spends the token. */
  resolveWebsocketTokenAdmission(
    sessionId: SessionId,
    channelId: LiveChannelId,
    token: string,
  ): Promise<LiveWebsocketTokenAdmissionAuthority> {
    const presented = this.#presented(token)
    return this.#say(sessionId, 'the connection', live => live.resolveWebsocketTokenAdmission(channelId, presented))
  }

  /** Records that the admitted offer was answered. Spends the admission. */
  recordWebrtcAnswerAccepted(
    admission: LiveWebrtcAnswerAdmissionAuthority,
    answerObservationSequence: number,
  ): Promise<LiveWebrtcAnswerResultAuthority> {
    return this.#say(admission.sessionId, 'the answer', live =>
      live.recordWebrtcAnswerAccepted(admission, answerObservationSequence),
    )
  }

  /** Spends a capability, before what it allows is done: once, and not after a later verdict (`rejected`). */
  spend(capability: LiveCapability): void {
    this.#of(this.#entries.of(capability.sessionId)).spend(capability)
  }

  /** Whether the session's machine gave this verdict, for its present registration. */
  isGenuine(sessionId: SessionId, authority: object): boolean {
    return this.#of(this.#entries.of(sessionId)).isGenuine(authority)
  }

  /** The channel that a client of the session holds. */
  activeChannel(sessionId: SessionId): LiveChannelId | undefined {
    const { live } = this.#entries.of(sessionId).authority.snapshotState()
    return live.phase === 'bound' ? live.channel.id : undefined
  }

  /** The last observation of the open channel, or of the newest that closed. */
  channelStatus(sessionId: SessionId, channelId: LiveChannelId): LiveStatus | undefined {
    return liveRecordOf(this.#entries.of(sessionId).authority.snapshotState().live, channelId)?.status
  }

  #of(entry: Entry): LiveAuthorities {
    const known = this.#authorities.get(entry)
    if (known !== undefined) return known
    const made = new LiveAuthorities(entry.sessionId, entry.authority)
    this.#authorities.set(entry, made)
    return made
  }

  async #say<T>(sessionId: SessionId, what: string, say: (live: LiveAuthorities) => Promise<T>): Promise<T> {
    return validated(what, say(this.#of(this.#entries.of(sessionId))))
  }

  async #issue<T>(
    sessionId: SessionId,
    issue: (live: LiveAuthorities, token: LiveTokenIssuing) => Promise<T>,
  ): Promise<IssuedLiveToken<T>> {
    const token = randomBytes(32).toString('base64url')
    const issuing = { token: digestOf(token), issuedAtMs: this.#clock.now(), ttlMs: TOKEN_TTL_MS }
    return { token, authority: await this.#say(sessionId, 'the token', live => issue(live, issuing)) }
  }

  #presented(token: string): LiveTokenPresenting {
    return { token: digestOf(token), observedAtMs: this.#clock.now() }
  }
}

function digestOf(token: string): LiveToken {
  return createHash('sha256').update(token).digest('base64url') as LiveToken
}

function modelOf({ sessionId, authority }: Entry): SessionLlmIdentity {
  const { llm } = authority.snapshotState()
  if (llm.phase === 'unknown') {
    const message = `the model of session ${sessionId} is not known: name the one that answers in the channel (\`llmIdentity\`)`
    throw new MeerkatError('invalid-params', message, { details: { sessionId } })
  }
  const { model } = llm.identity
  if (surfaceOf(llm)?.realtime === false) {
    const message = `the model ${model} of session ${sessionId} has no realtime transport: name another for the channel`
    throw new MeerkatError('invalid-params', message, { details: { sessionId, model } })
  }
  return llm.identity
}
