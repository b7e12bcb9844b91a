/** `meerkat events`: the event log; with --follow also what is written later. */
import { defined } from '../../../defined.ts'
import { connect, connectServer, openStore } from '../connection.ts'
import { brief, type Output } from '../output.ts'
import { limitOf } from '../paging.ts'
import type { Shell } from '../shell.ts'
import type { EventView } from '../views.ts'

const PAGE = 500
const WAIT_MS = 30_000

export async function events(shell: Shell, [session]: readonly unknown[]): Promise<void> {
  const { output } = shell
  const sessionId = typeof session === 'string' ? session : undefined
  const follows = shell.has('follow')
  // Following reads the store itself, which may not exist yet.
  const { ask } = follows ? ((await connectServer(shell)) ?? (await openStore(shell))) : await connect(shell)
  // An id that does not exist would be followed for ever.
  if (sessionId !== undefined) await ask('session/get', { sessionId })
  let left = limitOf(shell) ?? Number.POSITIVE_INFINITY
  let after = shell.flag('after')
  while (left > 0) {
    const page = await ask('events/read', {
      limit: Math.min(PAGE, left),
      ...defined({ sessionId, after }),
      ...(follows && { waitMs: WAIT_MS }),
    })
    for (const event of page.events) print(output, event, sessionId === undefined)
    left -= page.events.length
    after = page.cursor
    if (page.events.length === 0 && !follows) return
  }
}

const ENVELOPE: ReadonlySet<string> = new Set(['cursor', 'sessionId', 'at', 'type', 'runId', 'inputId'])

function print(output: Output, event: EventView, withSession: boolean): void {
  if (output.json) return output.object(event)
  const { at, sessionId, type } = event
  const fields = Object.entries(event)
    .filter(([name]) => !ENVELOPE.has(name))
    .map(([name, value]) => `${name}=${brief(value, 100)}`)
  const session = withSession ? `${sessionId}  ` : ''
  output.line(
    `${output.style('dim', at.slice(11, 23))}  ${session}${output.style(styleOf(type), type)}  ${fields.join(' ')}`.trimEnd(),
  )
}

function styleOf(type: string): 'red' | 'green' | 'cyan' | 'yellow' {
  if (/failed|abandoned|unknown/.test(type)) return 'red'
  if (/completed|consumed/.test(type)) return 'green'
  return type.startsWith('tool.') ? 'yellow' : 'cyan'
}
