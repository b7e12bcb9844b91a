/**
 * The transcript's length, and the message from which on a model has to read.
 *
 * Enforces: message indexes are dense; a compaction only moves the reading point forward, to its summary.
 */

import type { CoreFacts, CoreRegion } from '../../core.ts'
import type { LifecyclePhase } from '../lifecycle/state.ts'
import { SERVED } from '../phases.ts'
import type { Transcript } from './state.ts'

function extend(slice: Transcript, input: { readonly messages?: number }): Transcript {
  const { messages = 0 } = input
  return messages === 0 ? slice : { length: slice.length + messages, contextFrom: slice.contextFrom }
}
function coversNew(state: CoreFacts, input: { readonly covers: number }): boolean {
  return input.covers > state.transcript.contextFrom && input.covers <= state.transcript.length
}

export const transcript: CoreRegion<'transcript', LifecyclePhase> = {
  name: 'transcript',
  about: 'How long the transcript is and from where a model reads it.',
  initial: { length: 0, contextFrom: 0 },
  phaseOf: state => state.lifecycle.phase,
  phases: SERVED,
  on: {
    ExtendTranscript: [{ name: 'extended', from: SERVED, then: extend }],
    CompactTranscript: [
      {
        name: 'compacted',
        from: SERVED,
        when: [coversNew],
        then: slice => ({ length: slice.length + 1, contextFrom: slice.length }),
      },
    ],
  },
  follow: {
    Commit: { then: extend },
    Fail: { then: extend },
    CancelRun: { then: extend },
  },
  invariants: [
    {
      id: 'context-within-transcript',
      text: 'the reading point lies within the transcript',
      holds: ({ transcript: t }) => t.contextFrom <= t.length,
    },
  ],
}
