/** The inputs that the region `kickoffs` decides on. */
import type { WithIdentity, WithRuntime } from '../roster/state.ts'

export type OfMember<Type extends string> = { readonly type: Type } & WithIdentity & WithRuntime

export type MarkType =
  | 'MarkKickoffPending'
  | 'MarkKickoffStarting'
  | 'MarkKickoffCallbackPending'
  | 'MarkKickoffStarted'
  | 'CancelKickoff'

type Failed = OfMember<'MarkKickoffFailed'> & { readonly error: string }

export type KickoffsInput = { [T in MarkType]: OfMember<T> }[MarkType] | Failed
