/** Every method of every handle, called with values that no type allows: a typed refusal, and a session that goes on. */
import { describe, expect, test } from 'vitest'
import { AuthLeaseHandle } from '../../src/auth/lease.ts'
import { AuthMachines } from '../../src/auth/machines.ts'
import { MeerkatError } from '../../src/errors.ts'
import { CommsDrainHandle, PeerCommsHandle } from '../../src/handles/comms.ts'
import { HandleDslAuthority } from '../../src/handles/dsl-authority.ts'
import { EpochCursorState } from '../../src/handles/epoch-cursors.ts'
import { ExternalToolSurfaceHandle } from '../../src/handles/external-tool-surface.ts'
import { InteractionStreamHandle } from '../../src/handles/interaction-stream.ts'
import { LiveAuthorities } from '../../src/handles/live-authorities.ts'
import { McpServerLifecycleHandle } from '../../src/handles/mcp-server-lifecycle.ts'
import { ModelRoutingHandle } from '../../src/handles/model-routing.ts'
import { PeerInteractionHandle } from '../../src/handles/peer-interaction.ts'
import { RealtimeProductTurnHandle } from '../../src/handles/realtime-product-turn.ts'
import { SessionAdmissionHandle } from '../../src/handles/session-admission.ts'
import { DefaultSessionClaimRegistry } from '../../src/handles/session-claim.ts'
import { SessionContextHandle } from '../../src/handles/session-context.ts'
import { ToolVisibilityOwner } from '../../src/handles/tool-visibility.ts'
import { TurnStateHandle } from '../../src/handles/turn-state.ts'
import { DslTransitionError } from '../../src/kernel/authority.ts'
import { decodeState, encodeState } from '../../src/kernel/encode.ts'
import { meerkat } from '../../src/kernel/machine.ts'
import { systemClock } from '../../src/time.ts'
import { SESSION, written } from './support.ts'

const circular: Record<string, unknown> = {}
circular['self'] = circular
const throwing = new Proxy(
  {},
  {
    get: (_, name) => {
      throw new TypeError(`not to be read: ${String(name)}`)
    },
    ownKeys: () => {
      throw new TypeError('not to be listed')
    },
  },
)
const HOSTILE: readonly unknown[] = [
  undefined,
  null,
  true,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  -1,
  0.5,
  2 ** 60,
  7n,
  '',
  ' \u0000',
  '\ud800',
  'x'.repeat(1_000),
  Symbol('s'),
  () => 'called',
  [],
  [null],
  [circular],
  {},
  { type: 'toString' },
  { constructor: 1, __proto__: null },
  circular,
  throwing,
]

const MADE = {
  turnState: authority => new TurnStateHandle(authority, { standalone: true }),
  commsDrain: authority => new CommsDrainHandle(authority),
  peerComms: authority => new PeerCommsHandle(authority),
  sessionAdmission: authority => new SessionAdmissionHandle(authority),
  modelRouting: authority => new ModelRoutingHandle(authority),
  peerInteraction: authority => new PeerInteractionHandle(authority),
  sessionContext: authority => new SessionContextHandle(authority),
  interactionStream: authority => new InteractionStreamHandle(authority),
  mcpServerLifecycle: authority => new McpServerLifecycleHandle(authority),
  externalToolSurface: authority => new ExternalToolSurfaceHandle(authority),
  realtimeProductTurn: authority => new RealtimeProductTurnHandle(authority),
  toolVisibilityOwner: authority => new ToolVisibilityOwner(authority),
  liveAuthorities: authority => new LiveAuthorities(SESSION, authority),
  liveRejections: authority => new LiveAuthorities(SESSION, authority).rejections,
  cursorState: authority => EpochCursorState.of(authority),
  authority: authority => authority,
  sessionClaimHandle: () => new DefaultSessionClaimRegistry(),
  authLease: () => new AuthLeaseHandle({ machines: new AuthMachines(), clock: systemClock }),
} satisfies Readonly<Record<string, (authority: HandleDslAuthority) => object>>

type Method = (...args: readonly unknown[]) => unknown

function methodsOf(handle: object): readonly (readonly [string, Method])[] {
  const prototype = Object.getPrototypeOf(handle) as object
  return Object.getOwnPropertyNames(prototype).flatMap(name => {
    const method: unknown = Object.getOwnPropertyDescriptor(prototype, name)?.value
    return name === 'constructor' || typeof method !== 'function' ? [] : [[name, method.bind(handle) as Method]]
  })
}

/** A hostile value in every place, beside sound ones. */
function argumentsWith(value: unknown): readonly (readonly unknown[])[] {
  return [[value], ['id', value], [value, 'id', value], ['id', 1, value], [value, value, value]]
}

/** What is wrong with how it was refused; nothing if it was not. */
async function untyped(call: () => unknown): Promise<string | undefined> {
  try {
    await call()
    return undefined
  } catch (error) {
    const isTyped = error instanceof MeerkatError ? error.code !== 'internal' : error instanceof DslTransitionError
    if (isTyped || (error instanceof Error && 'kind' in error)) return undefined
    return error instanceof Error
      ? `${error.name}: ${error.message} ${String(error.stack).split('\n')[1] ?? ''}`
      : typeof error
  }
}

describe.each(Object.entries(MADE))('%s', (_, make) => {
  test.each([
    ['standing alone', () => Promise.resolve(HandleDslAuthority.ephemeral(SESSION))],
    ['of a session', async () => (await written()).authority],
  ] as const)(
    '%s refuses what it can not read by a typed error, and its session is sound afterwards',
    async (_, begin) => {
      const authority = await begin()
      const handle = make(authority)
      const found = new Set<string>()
      for (const [name, method] of methodsOf(handle)) {
        for (const args of HOSTILE.flatMap(argumentsWith)) {
          const problem = await untyped(() => method(...args))
          if (problem !== undefined) found.add(`${name}: ${problem}`)
        }
      }
      expect([...found]).toEqual([])
      const state = authority.snapshotState()
      expect(meerkat.check(state)).toEqual([])
      expect(decodeState(encodeState(state)).registration.sessionId).toBe(SESSION)
    },
  )
})
