/**
 * The verdicts that the host of a live channel gets: each is the session machine's answer to what the host observed.
 *
 * 1. A verdict is made by the machine alone; a copy of one is refused.
 * 2. What it allows (open the channel, close it, show a status) is a capability in it, which is spent once.
 * 3. A capability that a later verdict has overtaken counts as spent, so the host can't act on an old one.
 */
import { MeerkatError } from '../errors.ts'
import type { MeerkatEffect } from '../kernel/effects.ts'
import type { LiveChannelId, LiveToken, SessionId } from '../kernel/ids.ts'
import type { LiveEffect } from '../kernel/regions/live/effect.ts'
import type {
  LiveCommand,
  LiveCommandRejection,
  LiveInput,
  LiveRequest,
  LiveRequestRejection,
} from '../kernel/regions/live/input.ts'
import type { LiveStatus } from '../kernel/regions/live/state.ts'
import type { SessionLlmIdentity } from '../kernel/regions/llm/state.ts'
import { refuseUnreadable } from '../unreadable.ts'
import { HandleDslAuthority } from './dsl-authority.ts'
import { Mint, type Minted } from './minted.ts'

type Said<Type extends LiveEffect['type']> = Extract<LiveEffect, { readonly type: Type }>

/** What a channel's host may do once. */
type Capability<To extends string> = Minted<{
  readonly to: To
  readonly sessionId: SessionId
  readonly channelId: LiveChannelId
}>
export type LiveChannelOpenAuthority = Capability<'open'>
export type LiveCloseCommitAuthority = Capability<'close'>
export type LiveStatusCommitAuthority = Capability<'status'>
export type LiveCapability = LiveChannelOpenAuthority | LiveCloseCommitAuthority | LiveStatusCommitAuthority

type Admitted<Open> = Open extends { readonly admitted: true }
  ? Open & { readonly open: LiveChannelOpenAuthority }
  : Open

/** Whether the channel may be opened; if so, with `open`. */
export type LiveOpenAdmissionAuthority = Minted<Admitted<Said<'LiveOpenAdmissionResolved'>>>
export type LiveRefreshResultAuthority = Minted<Said<'LiveRefreshResultResolved'>>
/** The channel is closed; `commit` tells the client. */
export type LiveCloseResultAuthority = Minted<
  Said<'LiveCloseResultResolved'> & { readonly commit: LiveCloseCommitAuthority }
>
export type LiveCommandResultAuthority = Minted<Said<'LiveCommandResultResolved'>>
export type LiveCommandRejectionAuthority = Minted<Said<'LiveCommandRejectionResolved'>>
export type LiveChannelRequestRejectionAuthority = Minted<Said<'LiveChannelRequestRejectionResolved'>>
export type LiveWebrtcTokenAuthority = Minted<Said<'LiveWebrtcTokenIssued'>>
/** Whether an offer is answered; where it is accepted, it is good for one answer. */
export type LiveWebrtcAnswerAdmissionAuthority = Minted<Said<'LiveWebrtcAnswerAdmissionResolved'>>
export type LiveWebrtcAnswerResultAuthority = Minted<Said<'LiveWebrtcAnswerResultResolved'>>
export type LiveWebsocketTokenAuthority = Minted<Said<'LiveWebsocketTokenIssued'>>
export type LiveWebsocketTokenAdmissionAuthority = Minted<Said<'LiveWebsocketTokenAdmissionResolved'>>
/** The channel's status; `commit` shows it to the client. */
export type LiveChannelStatusAuthority = Minted<
  Said<'LiveChannelStatusResolved'> & { readonly commit: LiveStatusCommitAuthority }
>

/** Times in ms since the epoch. `token` is only compared, so a digest of what the client presents is enough. */
export interface LiveTokenIssuing {
  readonly token: LiveToken
  readonly issuedAtMs: number
  readonly ttlMs: number
}
export interface LiveTokenPresenting {
  readonly token: LiveToken
  readonly observedAtMs: number
}

/** Verdicts that refuse what a client asked for. They need no channel. */
export class LiveRejections {
  readonly #authority: HandleDslAuthority
  readonly #verdicts: Mint<object>

  constructor(authority: HandleDslAuthority, verdicts: Mint<object> = new Mint()) {
    this.#authority = authority
    this.#verdicts = verdicts
  }

  /** For channels that belong to no session: a machine of their own decides what clients are told. */
  static unbound(): LiveRejections {
    return new LiveRejections(HandleDslAuthority.ephemeral('unbound' as SessionId))
  }

  recordCommandRejected(
    channelId: LiveChannelId,
    command: LiveCommand,
    rejection: LiveCommandRejection,
  ): Promise<LiveCommandRejectionAuthority> {
    const input = { type: 'RecordLiveCommandRejected', channelId, command, rejection } as const
    return this.#verdict(input, 'LiveCommandRejectionResolved')
  }

  recordChannelRequestRejected(
    channelId: LiveChannelId,
    request: LiveRequest,
    rejection: LiveRequestRejection,
  ): Promise<LiveChannelRequestRejectionAuthority> {
    const input = { type: 'RecordLiveChannelRequestRejected', channelId, request, rejection } as const
    return this.#verdict(input, 'LiveChannelRequestRejectionResolved')
  }

  /** Whether this machine gave the verdict. */
  isGenuine(authority: object): boolean {
    return this.#verdicts.isGenuine(authority)
  }

  #verdict<Type extends LiveEffect['type']>(input: LiveInput, type: Type): Promise<Minted<Said<Type>>> {
    return verdictOn(this.#authority, input, type, said => this.#verdicts.mint(said))
  }
}
refuseUnreadable(LiveRejections)

/** The verdicts of one session, as long as it is registered. Refusals are `DslTransitionError`s. */
export class LiveAuthorities {
  readonly rejections: LiveRejections
  readonly #sessionId: SessionId
  readonly #authority: HandleDslAuthority
  readonly #verdicts = new Mint<object>()
  readonly #capabilities = new Mint<object>()
  /** The newest unspent capability of each kind. */
  readonly #newest = new Map<LiveCapability['to'], object>()

  constructor(sessionId: SessionId, authority: HandleDslAuthority) {
    this.#sessionId = sessionId
    this.#authority = authority
    this.rejections = new LiveRejections(authority, this.#verdicts)
  }

  resolveOpenAdmission(channelId: LiveChannelId, llmIdentity: SessionLlmIdentity): Promise<LiveOpenAdmissionAuthority> {
    const input = { type: 'ResolveLiveOpenAdmission', ...this.#pair(channelId), llmIdentity } as const
    return verdictOn(this.#authority, input, 'LiveOpenAdmissionResolved', said =>
      said.admitted
        ? this.#verdicts.mint({ ...said, open: this.#capability('open', channelId) })
        : this.#verdicts.mint(said),
    )
  }

  /** Takes the admission of the channel back. */
  abandonOpenAdmission(channelId: LiveChannelId): Promise<void> {
    const input = { type: 'AbandonLiveOpenAdmission', ...this.#pair(channelId) } as const
    return verdictOn(this.#authority, input, 'LiveOpenAdmissionAbandoned', () => this.#overtake('open', 'status'))
  }

  recordRefreshQueued(channelId: LiveChannelId, queueAcceptanceSequence: number): Promise<LiveRefreshResultAuthority> {
    const input = { type: 'RecordLiveRefreshQueued', channelId, queueAcceptanceSequence } as const
    return this.#verdict(input, 'LiveRefreshResultResolved')
  }

  recordCloseClosed(channelId: LiveChannelId, closeObservationSequence: number): Promise<LiveCloseResultAuthority> {
    const input = { type: 'RecordLiveCloseClosed', ...this.#pair(channelId), closeObservationSequence } as const
    return verdictOn(this.#authority, input, 'LiveCloseResultResolved', said => {
      this.#overtake('open', 'status')
      return this.#verdicts.mint({ ...said, commit: this.#capability('close', channelId) })
    })
  }

  recordCommandAccepted(
    channelId: LiveChannelId,
    command: LiveCommand,
    commandAcceptanceSequence: number,
  ): Promise<LiveCommandResultAuthority> {
    const input = { type: 'RecordLiveCommandAccepted', channelId, command, commandAcceptanceSequence } as const
    return this.#verdict(input, 'LiveCommandResultResolved')
  }

  recordChannelStatus(
    channelId: LiveChannelId,
    status: LiveStatus,
    statusObservationSequence: number,
  ): Promise<LiveChannelStatusAuthority> {
    const input = { ...status, type: 'RecordLiveChannelStatus', channelId, statusObservationSequence } as const
    return verdictOn(this.#authority, input, 'LiveChannelStatusResolved', said =>
      this.#verdicts.mint({ ...said, commit: this.#capability('status', channelId) }),
    )
  }

  recordWebrtcTokenIssued(channelId: LiveChannelId, token: LiveTokenIssuing): Promise<LiveWebrtcTokenAuthority> {
    const input = { type: 'RecordLiveWebrtcTokenIssued', ...this.#pair(channelId), ...token } as const
    return this.#verdict(input, 'LiveWebrtcTokenIssued')
  }
  recordWebsocketTokenIssued(channelId: LiveChannelId, token: LiveTokenIssuing): Promise<LiveWebsocketTokenAuthority> {
    const input = { type: 'RecordLiveWebsocketTokenIssued', ...this.#pair(channelId), ...token } as const
    return this.#verdict(input, 'LiveWebsocketTokenIssued')
  }

  resolveWebrtcAnswerAdmission(
    channelId: LiveChannelId,
    presented: LiveTokenPresenting,
  ): Promise<LiveWebrtcAnswerAdmissionAuthority> {
    const input = { type: 'ResolveLiveWebrtcAnswerAdmission', ...this.#pair(channelId), ...presented } as const
    return this.#verdict(input, 'LiveWebrtcAnswerAdmissionResolved')
  }
  resolveWebsocketTokenAdmission(
    channelId: LiveChannelId,
    presented: LiveTokenPresenting,
  ): Promise<LiveWebsocketTokenAdmissionAuthority> {
    const input = { type: 'ResolveLiveWebsocketTokenAdmission', ...this.#pair(channelId), ...presented } as const
    return this.#verdict(input, 'LiveWebsocketTokenAdmissionResolved')
  }

  /** Records that an offer was answered, which spends its admission; a refusal does not. A spent one is `rejected`. */
  async recordWebrtcAnswerAccepted(
    admission: LiveWebrtcAnswerAdmissionAuthority,
    answerObservationSequence: number,
  ): Promise<LiveWebrtcAnswerResultAuthority> {
    if (!admission.accepted || !this.#verdicts.spend(admission)) throw notToBeUsed('the admission to answer', admission)
    const { channelId } = admission
    const input = {
      type: 'RecordLiveWebrtcAnswerAccepted',
      ...this.#pair(channelId),
      answerObservationSequence,
    } as const
    return this.#verdict(input, 'LiveWebrtcAnswerResultResolved').catch((error: unknown) => {
      this.#verdicts.giveBack(admission)
      throw error
    })
  }

  /** Whether the session's machine gave this verdict, and it is not spent. */
  isGenuine(authority: object): boolean {
    return this.#verdicts.isGenuine(authority)
  }

  /** Spends a capability: its holder acts afterwards. A second time is `rejected`. */
  spend(capability: LiveCapability): void {
    const { live } = this.#authority.snapshotState()
    const isOpen = live.phase === 'bound' && live.channel.id === capability.channelId
    const isLost = capability.to === 'open' && !isOpen
    if (isLost || !this.#capabilities.spend(capability)) throw notToBeUsed(`the word to ${capability.to}`, capability)
  }

  #verdict<Type extends LiveEffect['type']>(input: LiveInput, type: Type): Promise<Minted<Said<Type>>> {
    return verdictOn(this.#authority, input, type, said => this.#verdicts.mint(said))
  }

  #capability<To extends LiveCapability['to']>(to: To, channelId: LiveChannelId): Capability<To> {
    this.#overtake(to)
    const made = this.#capabilities.mint({ to, ...this.#pair(channelId) })
    this.#newest.set(to, made)
    return made
  }

  #overtake(...kinds: readonly LiveCapability['to'][]): void {
    for (const kind of kinds) {
      const before = this.#newest.get(kind)
      if (before !== undefined) this.#capabilities.spend(before)
    }
  }

  #pair(channelId: LiveChannelId): { readonly sessionId: SessionId; readonly channelId: LiveChannelId } {
    return { sessionId: this.#sessionId, channelId }
  }
}
refuseUnreadable(LiveAuthorities)

/** `mint` runs when the verdict becomes visible, so that of two verdicts the later one overtakes. */
async function verdictOn<Type extends LiveEffect['type'], T>(
  authority: HandleDslAuthority,
  input: LiveInput,
  type: Type,
  mint: (said: Said<Type>) => T,
): Promise<T> {
  const verdict = await authority.applyInputWithEffectsAndSample(input, effects => {
    const said = effects.find((effect): effect is Extract<MeerkatEffect, Said<Type>> => effect.type === type)
    return said === undefined ? undefined : { made: mint(said) }
  })
  if (verdict === undefined) throw new MeerkatError('internal', `the machine took ${input.type} and gave no verdict`)
  return verdict.made
}

function notToBeUsed(what: string, { channelId }: { readonly channelId: LiveChannelId }): MeerkatError {
  const message = `${what} for channel ${channelId} is used up, overtaken, or not from its session: ask for a new one`
  return new MeerkatError('rejected', message, { details: { channelId } })
}
