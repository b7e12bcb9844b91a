// Writes docs/events.md from the table of events. With --check it only says whether the file is up to date.
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { EVENTS } from '../src/events.ts'
import { FINAL_INPUT_EVENTS } from '../src/input-events.ts'
import { RUN_ENDS } from '../src/session/reads.ts'

const file: string = join(dirname(import.meta.dirname), 'docs', 'events.md')

const INTRO = `# Events

<!-- Written by scripts/event-docs.ts from src/events.ts. Change that and run it again. -->

Observers read events by cursor, from \`events/read\`, \`session.events()\`, \`sent.events()\` or server-sent events. In TypeScript
\`EventView\` is a union: branch on \`type\`, and the fields are known. Every event has

| field | |
|---|---|
| \`cursor\` | its place; read on behind it, from any process, at any time |
| \`sessionId\`, \`at\`, \`type\` | whose it is, when it was said or its record written (ISO 8601), what it is |
| \`runId\`, \`inputId\`, \`turn\` | what it speaks of, where that is named below; \`turn\` is the number of the model call within the run |

and the fields of its type; \`?\` marks those that may be absent. These names are the runtime's: no payload can set them. An
input has exactly one **final** event. A run has exactly one event that **ends** it; what was interrupted or parked is taken up by
another run. A reader passes over types that it does not know: a newer release may write them.

While a model speaks, readers in the process that runs the session hear each piece at once. Readers in other processes hear of it from the store: after
about a second first, then every two to four, and whole with the message that ends it. No piece is lost or told twice either way.

| type | says | names | fields |
|---|---|---|---|
`

interface Row {
  readonly says: string
  readonly of?: readonly string[]
  readonly fields?: Readonly<Record<string, readonly [kind: string, says: string]>>
}

export function eventDocs(): string {
  const rows: readonly (readonly [string, Row])[] = Object.entries(EVENTS)
  return `${INTRO}${rows.map(([type, row]) => line(type, row)).join('\n')}\n`
}

function line(type: string, { says, of = [], fields = {} }: Row): string {
  const mark = FINAL_INPUT_EVENTS.has(type) ? ' **final**' : type in RUN_ENDS ? ' **ends**' : ''
  const listed = Object.entries(fields).map(([name, [kind, text]]) => {
    const [shown, isOptional] = kind.endsWith('?') ? [kind.slice(0, -1), '?'] : [kind, '']
    return `\`${name}${isOptional}\` (${shown}) ${text}`
  })
  return `| \`${type}\`${mark} | ${says} | ${of.map(name => `\`${name}\``).join(', ')} | ${listed.join('<br>')} |`
}

if (import.meta.main) {
  if (!process.argv.includes('--check')) writeFileSync(file, eventDocs())
  else if (readFileSync(file, 'utf8') !== eventDocs()) {
    console.error('docs/events.md is out of date: run npm run docs')
    process.exitCode = 1
  }
}
