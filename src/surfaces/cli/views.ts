/** Short names for shapes of the operations table. Types only, so importing them loads nothing. */
import type { OperationResult } from '../operations.ts'

export type EventView = OperationResult<'events/read'>['events'][number]
export type InputView = OperationResult<'input/get'>['input']
export type InputStatus = InputView['status']
export type RunResult = NonNullable<InputView['result']>
export type SessionView = OperationResult<'session/get'>['session']
export type MessageView = OperationResult<'session/history'>['messages'][number]
export type ApprovalView = OperationResult<'approval/list'>['approvals'][number]
export type CallView = OperationResult<'call/list'>['calls'][number]
