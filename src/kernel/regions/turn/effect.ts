/** The effects of the region `turn`. */
import type { RunId } from '../../ids.ts'
import type { TurnTerminalCause } from './state.ts'

/** Effects about turns. */
export type TurnEffect =
  | { readonly type: 'TurnRunStarted'; readonly runId: RunId }
  | { readonly type: 'TurnCheckCompaction'; readonly runId: RunId }
  | { readonly type: 'TurnRunCompleted'; readonly runId: RunId }
  | { readonly type: 'TurnRunFailed'; readonly runId: RunId; readonly cause: TurnTerminalCause }
  | { readonly type: 'TurnRunCancelled'; readonly runId: RunId }
