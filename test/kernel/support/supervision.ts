/** Supervisors, what they say, and sessions in each phase of their supervision. */
import type { MeerkatInput, PeerId } from 'meerkat-ts/kernel'
import type { SupervisorInput } from '../../../src/kernel/regions/supervisor/input.ts'
import type { Supervisor, SupervisorIdentity } from '../../../src/kernel/regions/supervisor/state.ts'
import { attached, type Play } from './play.ts'

export const identity = (name: string, epoch: number, address = 'a'): SupervisorIdentity => ({
  name,
  peerId: name as PeerId,
  address,
  signingKey: `key of ${name}`,
  epoch,
})
export const S = identity('s', 1)
export const NEXT = identity('u', 2)
export const sender = (name: string) => ({ senderPeerId: name as PeerId, senderSigningKey: `key of ${name}` })
export const claim = (epoch = 1, from = 's') =>
  ({ supervisorPeerId: 's' as PeerId, supervisorEpoch: epoch, senderPeerId: from as PeerId }) as const
export const edge = ({ peerId, epoch }: SupervisorIdentity) => ({ peerId, epoch })

export const bind = { type: 'BindSupervisor', supervisor: S } as const
export const revoke = { type: 'RevokeSupervisor', ...edge(S) } as const
export const revoked = { type: 'SupervisorTrustEdgeRevoked', ...edge(S) } as const
export type Submit = Extract<SupervisorInput, { readonly type: 'SubmitSupervisorRotation' }>
export const submit = (more: Partial<Submit> = {}): Submit => ({
  type: 'SubmitSupervisorRotation',
  operationId: 'o',
  next: NEXT,
  ...sender('s'),
  ...more,
})
export const previousRevoked = { type: 'SupervisorRotationPreviousRevoked', operationId: 'o', ...edge(S) } as const
export const nextPublished = { type: 'SupervisorRotationNextPublished', operationId: 'o', ...edge(NEXT) } as const
export const observe = (from: string, operationId = 'o') =>
  ({ type: 'ObserveSupervisorRotation', operationId, ...sender(from) }) as const
export const ROTATED = [bind, submit(), previousRevoked, nextPublished] as const

export function served(...inputs: readonly MeerkatInput[]): Play {
  const play = attached()
  play.do(...inputs)
  return play
}
export const inPhase: Readonly<Record<Supervisor['phase'], () => Play>> = {
  unbound: () => served(),
  bound: () => served(bind),
  revoking: () => served(bind, revoke),
  rotatingOut: () => served(bind, submit()),
  rotatingIn: () => served(bind, submit(), previousRevoked),
}
