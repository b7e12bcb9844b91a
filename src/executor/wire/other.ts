/**
 * Passes on answers of the other protocols as they came, and ends them where their protocol says that they end.
 *
 * Enforces: events that only keep a connection alive are dropped.
 */
import { isRecord } from '../agent/parts.ts'
import type { Progress } from './chat.ts'
import type { WireEvent } from './events.ts'
import { isFilled } from './said.ts'

/** The last events of answers: of Anthropic's messages, of OpenAI's responses, and errors of all. */
const LAST_EVENTS: ReadonlySet<string> = new Set([
  'message_stop',
  'response.completed',
  'response.incomplete',
  'response.failed',
  'response.cancelled',
  // Cohere's.
  'message-end',
  'error',
])

export class OtherAnswer {
  progress: Progress = 'open'
  /** Google sends the usage in the frame with the finish. */
  readonly knowsUsage: boolean = true

  /** Whether the event is passed on. */
  take({ event, json }: WireEvent): boolean {
    if (this.progress === 'whole') return false
    if (!isRecord(json)) return json === undefined || Array.isArray(json)
    const type = typeof json['type'] === 'string' ? json['type'] : event
    if (type === 'ping' || type === 'keepalive') return false
    if (LAST_EVENTS.has(type ?? '') || isFilled(json['error'])) this.progress = 'whole'
    else if (finishesCandidate(json) || finishesMessage(json)) this.progress = 'finishing'
    return true
  }

  end(): void {
    this.progress = 'whole'
  }
}

/** The event before Anthropic's last one. */
function finishesMessage({ type, delta }: Record<string, unknown>): boolean {
  return type === 'message_delta' && isRecord(delta) && typeof delta['stop_reason'] === 'string'
}

function finishesCandidate({ candidates }: Record<string, unknown>): boolean {
  if (!Array.isArray(candidates) || candidates.length === 0) return false
  return candidates.every(one => isRecord(one) && typeof one['finishReason'] === 'string' && one['finishReason'] !== '')
}
