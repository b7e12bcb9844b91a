/** What an agent is built with: all handles of one session, from one machine, in a bundle that can't be forged. */

import { AuthLeaseHandle } from '../auth/lease.ts'
import { AuthMachines } from '../auth/machines.ts'
import { asMeerkatError, MeerkatError } from '../errors.ts'
import { CommsDrainHandle, PeerCommsHandle } from '../handles/comms.ts'
import { HandleDslAuthority } from '../handles/dsl-authority.ts'
import { EpochCursorState } from '../handles/epoch-cursors.ts'
import { ExternalToolSurfaceHandle } from '../handles/external-tool-surface.ts'
import { InteractionStreamHandle } from '../handles/interaction-stream.ts'
import { McpServerLifecycleHandle } from '../handles/mcp-server-lifecycle.ts'
import { ModelRoutingHandle } from '../handles/model-routing.ts'
import { PeerInteractionHandle } from '../handles/peer-interaction.ts'
import { RealtimeProductTurnHandle } from '../handles/realtime-product-turn.ts'
import { SessionAdmissionHandle } from '../handles/session-admission.ts'
import { DefaultSessionClaimRegistry, type SessionClaimHandle } from '../handles/session-claim.ts'
import { SessionContextHandle } from '../handles/session-context.ts'
import { ToolVisibilityOwner } from '../handles/tool-visibility.ts'
import { TurnStateHandle } from '../handles/turn-state.ts'
import type { RuntimeEpochId, SessionId } from '../kernel/ids.ts'
import { anObject, aText, checkFields, checkOptions, oneOf } from '../options.ts'
import { systemClock } from '../time.ts'
import type { OpsLifecycleRegistry } from './operations.ts'
import { mintWitness, type RuntimeAuthorityWitness } from './witness.ts'

/** Everything that an agent of one session needs from its machine. Only a machine makes it. */
export interface SessionRuntimeBindings {
  readonly sessionId: SessionId
  readonly epochId: RuntimeEpochId | undefined
  /**
   * The session's background operations; undefined for an agent without a machine, because nothing outlasts such an
   * agent.
   */
  readonly opsLifecycle: OpsLifecycleRegistry | undefined
  readonly cursorState: EpochCursorState
  readonly toolVisibilityOwner: ToolVisibilityOwner
  readonly turnState: TurnStateHandle
  readonly commsDrain: CommsDrainHandle
  readonly peerComms: PeerCommsHandle
  readonly sessionAdmission: SessionAdmissionHandle
  readonly modelRouting: ModelRoutingHandle
  readonly authLease: AuthLeaseHandle
  readonly peerInteraction: PeerInteractionHandle
  readonly sessionContext: SessionContextHandle
  readonly sessionClaimHandle: SessionClaimHandle
  readonly interactionStream: InteractionStreamHandle
  readonly mcpServerLifecycle: McpServerLifecycleHandle
  readonly externalToolSurface: ExternalToolSurfaceHandle
  readonly realtimeProductTurn: RealtimeProductTurnHandle
  /** Proof that a machine made the bundle, for `bindingsFor`; undefined for an agent without a machine. */
  readonly runtimeAuthority: RuntimeAuthorityWitness | undefined
}

/** How an agent is built: without a machine, where the caller says so, or as a session of one. */
export type RuntimeBuildMode =
  | { readonly mode: 'StandaloneEphemeral' }
  | { readonly mode: 'SessionOwned'; readonly bindings: SessionRuntimeBindings }

export type RuntimeBindingsErrorKind = 'SessionNotFound' | 'PrepareFailed'

/** Why there are no bindings. */
export class RuntimeBindingsError extends Error {
  override readonly name = 'RuntimeBindingsError'
  readonly kind: RuntimeBindingsErrorKind

  constructor(kind: RuntimeBindingsErrorKind, message: string, cause?: unknown) {
    super(message, { cause })
    this.kind = kind
  }
}

/** Why a session's bindings could not be made. */
export function noBindings(sessionId: SessionId, cause: unknown): RuntimeBindingsError {
  const { code, message } = asMeerkatError(cause)
  const kind = code === 'session-not-found' ? 'SessionNotFound' : 'PrepareFailed'
  return new RuntimeBindingsError(kind, `session ${sessionId} has no bindings: ${message}`, cause)
}

/** The bundles that machines made, each with its session. A copy of one, or a mix of two, is not among them. */
const owned = new WeakMap<object, { readonly boundTo: SessionId; readonly bundle: SessionRuntimeBindings }>()

/** The handles of one session of a machine. */
export function bindingsOf(
  sessionId: SessionId,
  authority: HandleDslAuthority,
  shared: Parameters<typeof bundleOf>[2],
): SessionRuntimeBindings {
  const bundle = bundleOf(sessionId, authority, shared, mintWitness())
  owned.set(bundle, { boundTo: sessionId, bundle })
  return bundle
}

function bundleOf(
  sessionId: SessionId,
  authority: HandleDslAuthority,
  shared: {
    readonly claims: SessionClaimHandle
    readonly authLease: AuthLeaseHandle
    readonly opsLifecycle?: OpsLifecycleRegistry
  },
  runtimeAuthority?: RuntimeAuthorityWitness,
): SessionRuntimeBindings {
  return Object.freeze({
    sessionId,
    epochId: authority.snapshotState().binding.epochId,
    opsLifecycle: shared.opsLifecycle,
    cursorState: EpochCursorState.of(authority),
    toolVisibilityOwner: new ToolVisibilityOwner(authority),
    turnState: new TurnStateHandle(authority, { standalone: runtimeAuthority === undefined }),
    commsDrain: new CommsDrainHandle(authority),
    peerComms: new PeerCommsHandle(authority),
    sessionAdmission: new SessionAdmissionHandle(authority),
    modelRouting: new ModelRoutingHandle(authority),
    authLease: shared.authLease,
    peerInteraction: new PeerInteractionHandle(authority),
    sessionContext: new SessionContextHandle(authority),
    sessionClaimHandle: shared.claims,
    interactionStream: new InteractionStreamHandle(authority),
    mcpServerLifecycle: new McpServerLifecycleHandle(authority),
    externalToolSurface: new ExternalToolSurfaceHandle(authority),
    realtimeProductTurn: new RealtimeProductTurnHandle(authority),
    runtimeAuthority,
  })
}

/** Handles for an agent without a machine: nothing is durable, and nothing else sees its state. */
export function standaloneBindings(sessionId: SessionId): SessionRuntimeBindings {
  const claims = new DefaultSessionClaimRegistry()
  const authLease = new AuthLeaseHandle({ machines: new AuthMachines(), clock: systemClock })
  return bundleOf(sessionId, HandleDslAuthority.ephemeral(sessionId), { claims, authLease })
}

/**
 * The bindings to build this session's agent with. A bundle of another session, or one that no machine made, is
 * refused.
 */
export function bindingsFor(sessionId: SessionId, build: RuntimeBuildMode): SessionRuntimeBindings {
  checkFields('bindingsFor', build, { mode: oneOf('StandaloneEphemeral', 'SessionOwned') })
  if (build.mode === 'StandaloneEphemeral') {
    checkOptions('bindingsFor', build, { mode: aText })
    return standaloneBindings(sessionId)
  }
  checkOptions('bindingsFor', build, { mode: aText, bindings: anObject })
  const known = owned.get(build.bindings)
  if (known === undefined) {
    throw new MeerkatError(
      'invalid-params',
      'these bindings were not made by a machine: take them from prepareBindings',
    )
  }
  const { boundTo, bundle } = known
  if (boundTo !== sessionId) {
    const message = `these bindings are of session ${boundTo}, not of ${sessionId}`
    throw new MeerkatError('invalid-params', message, { details: { sessionId, boundTo } })
  }
  return bundle
}
