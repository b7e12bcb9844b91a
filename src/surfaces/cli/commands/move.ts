/** `meerkat move`: a session into another store, never runnable in both. After a crash the same command finishes it. */
import { randomUUID } from 'node:crypto'
import { moveSession } from '../../../session/transfer/move.ts'
import { usage } from '../failure.ts'
import type { Shell } from '../shell.ts'
import { openTransfer, specOf } from './transfer-stores.ts'

export async function move(shell: Shell, [session]: readonly unknown[]): Promise<void> {
  const named = shell.flag('to')
  if (named === undefined) throw usage('--to is missing: name the store that the session goes to')
  const [from, to] = [await specOf(shell), await specOf(shell, named)]
  if (JSON.stringify(from) === JSON.stringify(to)) throw usage('--to is the store that the session is in')
  const [source, target] = [await openTransfer(shell, from, 'take'), await openTransfer(shell, to, 'write')]
  const moved = await moveSession(source, target, String(session), { owner: randomUUID() })
  if (shell.output.json) return shell.output.object({ type: 'moved', ...moved, to: target.name })
  const what = moved.moved ? 'is now in' : 'was moved before: it is in'
  shell.output.line(`${moved.sessionId} ${what} ${target.name}`)
}
