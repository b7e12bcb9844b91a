/** A change of a loaded session that a caller asks for: one transaction, and what everybody does after one. */
import type { Transaction } from '../driver/transaction.ts'
import type { MeerkatEffect } from '../kernel/effects.ts'
import type { MeerkatInput } from '../kernel/inputs.ts'
import { stepsBefore } from '../kernel/owed.ts'
import type { Core } from './core.ts'
import type { LiveSession } from './live-session.ts'

interface Changed {
  /** What `act` answered. */
  readonly effects: readonly MeerkatEffect[]
  /** Resolves when the machines that follow the session's placement have heard of it. */
  readonly told: Promise<void>
}

/** Changes the session, tells other machines and lets the loop go on. A refusal of the kernel undoes all that `act` did. */
export async function change(
  { lifecycleHeard }: Core,
  live: LiveSession,
  act: (tx: Transaction) => readonly MeerkatEffect[],
): Promise<Changed> {
  const { before, effects } = await live.driver.mutate(tx => ({ before: tx.state, effects: act(tx) }))
  const told = lifecycleHeard(live.id, before, effects)
  live.loop.sync()
  return { effects, told }
}

/** Takes a step behind those that have to go before it; answers the effects of the step itself. */
export function stepInOrder(tx: Transaction, input: MeerkatInput): readonly MeerkatEffect[] {
  for (const step of stepsBefore(input, tx.state)) tx.step(step)
  return tx.step(input)
}
