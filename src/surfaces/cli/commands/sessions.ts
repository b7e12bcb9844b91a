/** `meerkat sessions`: lists the sessions. */
import { defined } from '../../../defined.ts'
import { connect } from '../connection.ts'
import { columns, excerpt } from '../output.ts'
import { limitOf } from '../paging.ts'
import type { Shell } from '../shell.ts'
import type { SessionView } from '../views.ts'

type Phase = 'initializing' | 'idle' | 'attached' | 'running' | 'retired' | 'stopped' | 'destroyed'

export async function sessions(shell: Shell): Promise<void> {
  const { output } = shell
  const { ask } = await connect(shell)
  const [phase, label] = [shell.flag('phase'), shell.flag('label')]
  const { sessions: found, next } = await ask('session/list', {
    limit: limitOf(shell) ?? 100,
    // The operation refuses any other word, and names those that it takes.
    ...(phase !== undefined && { phase: phase as Phase }),
    ...defined({ label }),
  })
  if (output.json) {
    for (const session of found) output.object(session)
    return
  }
  if (found.length === 0) output.hint('no sessions yet: `meerkat run "…"` opens one')
  else for (const line of columns([HEADER, ...found.map(row)])) output.line(line)
  if (next !== undefined) output.hint('there are more: --limit')
}

const HEADER = ['SESSION', 'PHASE', 'MESSAGES', 'OPEN', 'CHANGED', 'TITLE']

function row({ id, phase, messages, unfinished, updatedAt, title, model }: SessionView): readonly string[] {
  return [
    id,
    phase,
    String(messages),
    String(unfinished),
    updatedAt.slice(0, 19).replace('T', ' '),
    excerpt(title ?? model ?? '', 40),
  ]
}
