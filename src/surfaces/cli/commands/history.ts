/** `meerkat history`: the transcript of a session. */
import { defined } from '../../../defined.ts'
import { connect } from '../connection.ts'
import { brief, type Output } from '../output.ts'
import { limitOf } from '../paging.ts'
import { wholeNumber } from '../settings.ts'
import type { Shell } from '../shell.ts'
import type { MessageView } from '../views.ts'

export async function history(shell: Shell, [session]: readonly unknown[]): Promise<void> {
  const { output } = shell
  const sessionId = String(session)
  const most = limitOf(shell)
  const from = shell.flag('after')
  const { ask } = await connect(shell)
  let after = from === undefined ? undefined : wholeNumber(from, '--after', { from: 0, to: Number.MAX_SAFE_INTEGER })
  do {
    const page = await ask('session/history', { sessionId, limit: most ?? 200, ...defined({ after }) })
    for (const message of page.messages) {
      if (output.json) output.object(message)
      else printMessage(output, message)
    }
    after = page.next
  } while (after !== undefined && most === undefined)
}

/** A message for people: its role, and below it the content. */
export function printMessage(output: Output, { index, role, content }: MessageView): void {
  output.line(output.style(STYLES[role], `${role} ${index}`))
  for (const text of typeof content === 'string' ? [content] : content.map(partText)) {
    output.text(text)
    output.line()
  }
}

const STYLES = { system: 'dim', user: 'cyan', assistant: 'green', tool: 'magenta', notice: 'yellow' } as const

type Part = Exclude<MessageView['content'], string>[number]

function partText(part: Part): string {
  switch (part.type) {
    case 'text':
      return part.text
    case 'reasoning':
      return `(${part.text})`
    case 'json':
      return JSON.stringify(part.value)
    case 'file':
      return `[${part.filename ?? part.mediaType}]`
    case 'tool-call':
      return `→ ${part.name} ${brief(part.args, 200)}`
    case 'tool-result':
      return `${part.isError === true ? '✗' : '←'} ${part.name} ${brief(part.output, 400)}`
  }
}
