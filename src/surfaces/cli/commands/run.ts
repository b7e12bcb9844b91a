/** `meerkat run`: answers one prompt, or finishes the unfinished work of a session. */

import { readFileSync } from 'node:fs'
import { defined } from '../../../defined.ts'
import { MeerkatError } from '../../../errors.ts'
import { isOpen } from '../../../session/input-status.ts'
import type { OperationParams } from '../../operations.ts'
import type { Ask, Connection } from '../ask.ts'
import { connectWorker, withOwner } from '../connection.ts'
import { EXIT, usage } from '../failure.ts'
import { endOfLog } from '../follow.ts'
import { readPrompt } from '../prompt.ts'
import type { Settings } from '../settings.ts'
import type { Shell } from '../shell.ts'
import { type Target, targetSession } from '../target-session.ts'
import { toolNames } from '../tools.ts'
import { type Watch, watchInput } from '../watch-input.ts'

type Sending = Omit<OperationParams<'input/send'>, 'sessionId'>
type Schema = Record<string, unknown>

export async function run(shell: Shell, [written]: readonly unknown[]): Promise<void> {
  const settings = await shell.settings()
  const schema = readSchema(shell.flag('outputSchema'))
  const prompt = await readPrompt(typeof written === 'string' ? written : undefined, {
    stdin: stdinWanted(shell),
    output: shell.output,
  })
  const sessionId = shell.flag('session')
  if (prompt === undefined && sessionId === undefined) {
    throw usage(
      'there is no prompt: `meerkat run "…"`, or pipe one in; with --session and no prompt it finishes the session\'s unfinished work',
    )
  }
  const opened = await connectWorker(shell)
  const wanted = { sessionId, tools: toolNames(shell) }
  const { value: watches, connection } = await withOwner(shell, opened, async ({ ask }) => {
    const target = await targetSession(ask, settings, wanted)
    return prompt === undefined
      ? unfinished(ask, target)
      : [await send(ask, target, sending(shell, settings, { prompt, schema }))]
  })
  await finish(shell, connection, watches, schema !== undefined)
}

/** Whether the flags ask for stdin; undefined: they don't say. */
function stdinWanted({ flags }: Shell): boolean | undefined {
  const { stdin } = flags
  return typeof stdin === 'boolean' ? stdin : undefined
}

/** Watches one input after the other; the first that did not succeed ends the command. */
async function finish(
  shell: Shell,
  { ask }: Connection,
  watches: readonly Watch[],
  structured: boolean,
): Promise<void> {
  for (const watch of watches) {
    const status = await watchInput(shell, ask, watch, { structured })
    if (status !== EXIT.ok) await shell.end(status)
  }
}

function sending(
  shell: Shell,
  { maxRunMs }: Settings,
  { prompt, schema }: { readonly prompt: string; readonly schema: Schema | undefined },
): Sending {
  const idempotencyKey = shell.flag('idempotencyKey')
  return { content: prompt, ...defined({ outputSchema: schema, idempotencyKey, maxRunMs }) }
}

async function send(ask: Ask, { session, model }: Target, params: Sending): Promise<Watch> {
  const sent = await ask('input/send', { ...params, sessionId: session.id, resume: true, ...defined({ model }) })
  return { sessionId: session.id, inputId: sent.inputId, after: sent.cursor }
}

/** The session's unfinished inputs, oldest first. */
async function unfinished(ask: Ask, { session }: Target): Promise<readonly Watch[]> {
  const after = await endOfLog(ask, session.id)
  // Listed first: an input may end as soon as the session is taken up.
  const { inputs } = await ask('input/list', { sessionId: session.id, limit: 1000 })
  // Takes the session up, so that the work it owes goes on in this process or on the server.
  await ask('session/resume', { sessionId: session.id })
  const open = inputs.filter(({ status }) => isOpen(status))
  if (open.length === 0) {
    throw usage(
      `session ${session.id} has nothing unfinished: give a prompt, \`meerkat run --session ${session.id} "…"\``,
    )
  }
  return open.map(({ id }) => ({ sessionId: session.id, inputId: id, after }))
}

function readSchema(given: string | undefined): Schema | undefined {
  if (given === undefined) return undefined
  const isText = given.trimStart().startsWith('{')
  const what = isText ? '--output-schema' : `--output-schema: ${given}`
  try {
    const schema: unknown = JSON.parse(isText ? given : readFileSync(given, 'utf8'))
    if (typeof schema === 'object' && schema !== null && !Array.isArray(schema)) return { ...schema }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new MeerkatError('invalid-params', `${what} can't be read as JSON (${why}): give a file or the JSON itself`, {
      cause,
    })
  }
  throw usage(`${what} must hold a JSON Schema, that is an object`)
}
