/** What leaves the region `calls`. */
import type { CallId } from '../../ids.ts'
import type { CallEntry } from './state.ts'

/** The tool-effect ledger. */
export type CallEffect = {
  readonly type: 'CallChanged'
  readonly callId: CallId
  readonly state: CallEntry['state']
  readonly tool: string
  /** Why it failed without an outcome of its own. */
  readonly reason?: 'crashed-process' | 'outcome-lost'
}
