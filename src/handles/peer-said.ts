/** A peer's message as a host offers it, checked where it enters. */
import { z } from 'zod'
import type { PeerSaid } from '../kernel/peer-conversation.ts'
import { MAX_ID_CHARS, MAX_KEY_CHARS, NOT_PRINTABLE, PRINTABLE } from '../names.ts'

const id = z.string().min(1).max(MAX_ID_CHARS).regex(PRINTABLE, NOT_PRINTABLE)
const name = z.string().max(MAX_KEY_CHARS)
const printable = name.refine(text => text === '' || PRINTABLE.test(text), NOT_PRINTABLE)
const ofRequest = { peerId: id, requestId: id, payload: z.unknown().optional() }

/** The kernel judges the fields of a terminal response. */
export const peerSaid: z.ZodType<PeerSaid> = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('Message'), peerId: id }),
  z.strictObject({ type: z.literal('Request'), ...ofRequest, displayName: printable.optional(), intent: id }),
  z.strictObject({
    type: z.literal('ResponseProgress'),
    ...ofRequest,
    phase: z.enum(['Accepted', 'InProgress', 'PartialResult']),
  }),
  z.strictObject({
    type: z.literal('ResponseTerminal'),
    transportIdentity: name.optional(),
    routeIdentity: name,
    displayIdentity: name.optional(),
    correlationId: name,
    status: z.enum(['Completed', 'Failed', 'Cancelled']),
    payload: z.unknown().optional(),
  }),
])
