/** The inputs that the region `streams` decides on. */
import type { PeerCorrelationId } from '../../ids.ts'

/** Why the stream's message was not delivered. */
export type StreamAbandonReason = 'SendFailed' | 'AdmissionRejected' | 'ResponseRejected' | 'TerminalDeliveryFailed'

export type Of<Type extends string> = { readonly type: Type; readonly correlationId: PeerCorrelationId }

export type StreamsInput =
  | Of<'InteractionStreamReserved'>
  | Of<'InteractionStreamAttached'>
  | Of<'InteractionStreamCompleted'>
  | Of<'InteractionStreamExpired'>
  | Of<'InteractionStreamClosedEarly'>
  | (Of<'InteractionStreamAbandoned'> & { readonly reason: StreamAbandonReason })
