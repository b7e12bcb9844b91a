/**
 * The transcript's shape: how many messages it has, and from which one on a model needs to read.
 *
 * Enforces: message indexes are dense; a compaction only moves the reading point forward, to the summary it wrote.
 */
import type { MeerkatEffect } from '../effects.ts'
import type { MeerkatFacts, MeerkatRegion } from '../machine.ts'
import type { LifecyclePhase } from './lifecycle.ts'

export interface Transcript {
  /** Messages committed; the next one gets this index. */
  readonly length: number
  /** Index of the newest compaction's summary; 0 if there was none. */
  readonly contextFrom: number
}

export type TranscriptInput =
  /** Messages that no run brought: a system message, a notice. */
  | { readonly type: 'ExtendTranscript'; readonly messages: number }
  /** A summary joins the transcript as its next message and stands for everything before `covers`. */
  | { readonly type: 'CompactTranscript'; readonly covers: number }

const LIVE: readonly LifecyclePhase[] = ['idle', 'attached', 'running', 'retired', 'stopped']

function extend(slice: Transcript, input: { readonly messages?: number }): Transcript {
  const { messages = 0 } = input
  return messages === 0 ? slice : { ...slice, length: slice.length + messages }
}
function extended(after: MeerkatFacts, _: unknown, before: MeerkatFacts): readonly MeerkatEffect[] {
  const count = after.transcript.length - before.transcript.length
  return count === 0 ? [] : [{ type: 'TranscriptExtended', from: before.transcript.length, count }]
}
function coversNew(state: MeerkatFacts, input: { readonly covers: number }): boolean {
  return input.covers > state.transcript.contextFrom && input.covers <= state.transcript.length
}

export const transcript: MeerkatRegion<'transcript', LifecyclePhase> = {
  name: 'transcript',
  about: 'How long the transcript is and from where a model reads it.',
  initial: { length: 0, contextFrom: 0 },
  phaseOf: state => state.lifecycle.phase,
  phases: LIVE,
  on: {
    ExtendTranscript: [{ name: 'extended', from: LIVE, then: extend, emit: [extended] }],
    CompactTranscript: [
      {
        name: 'compacted',
        from: LIVE,
        when: [coversNew],
        then: slice => ({ length: slice.length + 1, contextFrom: slice.length }),
        emit: [extended],
      },
    ],
  },
  follow: {
    Commit: { then: extend, emit: [extended] },
    Fail: { then: extend, emit: [extended] },
    CancelRun: { then: extend, emit: [extended] },
  },
  invariants: [
    {
      id: 'context-within-transcript',
      text: 'the reading point lies within the transcript',
      holds: ({ transcript: t }) => t.contextFrom <= t.length,
    },
  ],
}
