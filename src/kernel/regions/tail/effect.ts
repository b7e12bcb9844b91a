/** What leaves the region `tail`. */

export type DurableTailDisposition =
  | 'CommitCompleted'
  | 'RepairAndCommitInterrupted'
  | 'CommitCompletedRetainInputs'
  | 'HoldIntact'
  | 'RefuseRecovery'

export type TailEffect = {
  readonly type: 'DurableTailRecoveryAuthorized'
  readonly disposition: DurableTailDisposition
  /** The boundary it becomes; present where it is committed. */
  readonly boundarySequence?: number
}
