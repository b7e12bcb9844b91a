/** The effects of the region `tail`. */

export type DurableTailDisposition =
  | 'CommitCompleted'
  | 'RepairAndCommitInterrupted'
  | 'CommitCompletedRetainInputs'
  | 'HoldIntact'
  | 'RefuseRecovery'

export type TailEffect = {
  readonly type: 'DurableTailRecoveryAuthorized'
  readonly disposition: DurableTailDisposition
  /** The boundary that the candidate becomes; present if it is committed. */
  readonly boundarySequence?: number
}
