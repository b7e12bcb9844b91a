/** The inputs that the region `interactions` decides on. */
import type { PeerCorrelationId } from '../../ids.ts'
import type { Lane } from '../ledger/state.ts'

/** The meaning of a terminal answer. */
export type PeerTerminalDisposition = 'Completed' | 'Failed'

export type Of<Type extends string> = { readonly type: Type; readonly correlationId: PeerCorrelationId }

export type InteractionsInput =
  | Of<'PeerRequestSent'>
  | Of<'PeerResponseProgressArrived'>
  | (Of<'PeerResponseTerminalArrived'> & { readonly disposition: PeerTerminalDisposition })
  | Of<'PeerResponseRejected'>
  | Of<'PeerRequestTimedOut'>
  | Of<'PeerRequestSendFailed'>
  | (Of<'PeerRequestReceived'> & { readonly lane: Lane })
  | Of<'PeerResponseReplied'>
