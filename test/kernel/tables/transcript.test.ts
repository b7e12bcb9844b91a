import type { LifecyclePhase } from 'meerkat-ts/kernel'
import { expect, test } from 'vitest'
import type { TranscriptInput } from '../../../src/kernel/regions/transcript/input.ts'
import { registered } from '../support/play.ts'
import { lifecycleOf, livesAfter } from '../support/truth-table.ts'
import { askSessions, type Table } from './ask.ts'

const NO = 'no-matching-transition'
const EXAMPLES = {
  ExtendTranscript: { type: 'ExtendTranscript', messages: 2 },
  CompactTranscript: { type: 'CompactTranscript', covers: 1 },
} as const

test('every input in every phase', () => {
  const sessions = { ...livesAfter(EXAMPLES.ExtendTranscript), 'idle, nothing said yet': registered() }
  const expected: Table<keyof typeof sessions, TranscriptInput['type'], LifecyclePhase> = {
    initializing: { ExtendTranscript: NO, CompactTranscript: NO },
    idle: { ExtendTranscript: 'stays', CompactTranscript: 'stays' },
    'idle, nothing said yet': { ExtendTranscript: 'stays', CompactTranscript: 'guard-rejected' },
    attached: { ExtendTranscript: 'stays', CompactTranscript: 'stays' },
    running: { ExtendTranscript: 'stays', CompactTranscript: 'stays' },
    retired: { ExtendTranscript: 'stays', CompactTranscript: 'stays' },
    stopped: { ExtendTranscript: 'stays', CompactTranscript: 'stays' },
    destroyed: { ExtendTranscript: NO, CompactTranscript: NO },
  }
  expect(askSessions({ phaseOf: lifecycleOf }, sessions, EXAMPLES)).toEqual(expected)
})
