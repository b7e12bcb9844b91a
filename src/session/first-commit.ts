/** How the log of a session begins: registered, with the messages that it was forked with. */
import { Transaction } from '../driver/transaction.ts'
import type { Ids } from '../ids.ts'
import type { SessionId } from '../kernel/ids.ts'
import { meerkat } from '../kernel/machine.ts'
import type { SessionLlmCapabilitySurface } from '../kernel/regions/llm/state.ts'
import type { Visibility } from '../kernel/regions/visibility/state.ts'
import { inheritedTools } from '../kernel/tool-catalogue.ts'
import { registrationOf } from '../loop/due-steps.ts'
import { setOwnModel } from '../loop/models.ts'
import type { MessageRecord, SessionOptions, SessionRecord } from '../store/records.ts'
import type { Blob, Commit } from '../store/store.ts'

/** The messages that a fork begins with. */
export interface Fork {
  readonly from: SessionId
  readonly messages: readonly MessageRecord[]
  /** The files that the messages speak of. */
  readonly blobs: readonly Blob[]
  /** Which tools its model may see. */
  readonly visibility: Visibility
}

/** What a new session may get besides its options. */
export interface Beginning {
  readonly fork?: Fork | undefined
  /** What its model can do, where that is known. */
  readonly capabilities?: SessionLlmCapabilitySurface | undefined
}

export function firstCommit(
  id: SessionId,
  options: SessionOptions,
  { fork, capabilities }: Beginning,
  { at, ids }: { readonly at: number; readonly ids: Ids },
): { readonly record: SessionRecord; readonly built: Omit<Commit, 'claim'> } {
  const forkOf = fork && { sessionId: fork.from, messages: fork.messages.length }
  const record: SessionRecord = { id, createdAt: at, options, ...(forkOf && { forkOf }) }
  const tx = new Transaction(meerkat.initial, at)
  tx.step({ type: 'Initialize' })
  tx.step(registrationOf(record, ids))
  if (options.model !== undefined) setOwnModel(tx, options.model, capabilities)
  if (fork !== undefined && fork.messages.length > 0) {
    tx.append(fork.messages)
    tx.parts.blobs.push(...fork.blobs)
    tx.step({ type: 'ExtendTranscript', messages: fork.messages.length })
  }
  if (fork !== undefined) for (const step of inheritedTools(fork.visibility)) tx.step(step)
  return { record, built: tx.build(1) }
}
