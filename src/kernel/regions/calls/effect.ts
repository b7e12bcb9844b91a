/** The effects of the region `calls`. */
import type { CallId } from '../../ids.ts'
import type { CallEntry } from './state.ts'

/** A call has another state. */
export type CallEffect = {
  readonly type: 'CallChanged'
  readonly callId: CallId
  readonly state: CallEntry['state']
  readonly tool: string
  /** Why it failed without an outcome from its tool. */
  readonly reason?: 'crashed-process' | 'outcome-lost'
}
