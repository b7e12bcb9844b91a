/** `meerkat calls`, `approve` and `resolve`: the tool calls of unfinished work, and decisions about them. */
import { defined } from '../../../defined.ts'
import { MeerkatError } from '../../../errors.ts'
import type { Ask, Connection } from '../ask.ts'
import { connect, connectServer, connectWorker } from '../connection.ts'
import { EXIT, usage } from '../failure.ts'
import { endOfLog } from '../follow.ts'
import { brief, columns } from '../output.ts'
import type { Shell } from '../shell.ts'
import { stateText, untilText } from '../until.ts'
import type { CallView } from '../views.ts'
import { watchInput } from '../watch-input.ts'

export async function calls(shell: Shell, [session]: readonly unknown[]): Promise<void> {
  const { output } = shell
  const { ask } = await connect(shell)
  const { calls: found } = await ask('call/list', { sessionId: String(session) })
  if (output.json) for (const call of found) output.object(call)
  else if (found.length === 0) output.hint('no calls of unfinished work')
  else
    for (const line of columns([['CALL', 'STATE', 'POLICY', 'TOOL', 'ARGUMENTS'], ...found.map(row)])) output.line(line)
}

function row(call: CallView): readonly string[] {
  const { id, policy, tool, args } = call
  return [id, stateText(call), policy, tool, args === undefined ? '' : brief(args, 80)]
}

export async function approve(shell: Shell, [session, given]: readonly unknown[]): Promise<void> {
  const sessionId = String(session)
  const reason = shell.flag('reason')
  const connection = (await connectServer(shell)) ?? (await connectWorker(shell))
  const after = await endOfLog(connection.ask, sessionId)
  const approvalId = typeof given === 'string' ? given : await onlyApproval(connection.ask, sessionId)
  const { call } = await connection.ask('approval/decide', {
    sessionId,
    approvalId,
    decision: shell.has('deny') ? 'deny' : 'allow',
    ...defined({ reason }),
  })
  await goOn(shell, connection, { sessionId, call, after })
}

async function onlyApproval(ask: Ask, sessionId: string): Promise<string> {
  const { approvals } = await ask('approval/list', { sessionId })
  const [first, second] = approvals
  if (first === undefined) throw new MeerkatError('not-found', `nothing in session ${sessionId} waits for a decision`)
  if (second === undefined) return first.id
  throw usage(
    `${approvals.length} calls wait: name one of ${approvals.map(one => `${one.id} (${one.tool}${untilText(one)})`).join(', ')}`,
  )
}

const RESOLUTIONS = ['retry', 'succeeded', 'failed'] as const

export async function resolveCall(shell: Shell, [session, callId, given]: readonly unknown[]): Promise<void> {
  const sessionId = String(session)
  const resolution = RESOLUTIONS.find(known => known === given)
  if (resolution === undefined)
    throw usage(`the resolution must be ${RESOLUTIONS.join(', ')}, not ${JSON.stringify(given)}`)
  const result = shell.flag('output')
  const connection = (await connectServer(shell)) ?? (await connectWorker(shell))
  const after = await endOfLog(connection.ask, sessionId)
  const { call } = await connection.ask('call/resolve', {
    sessionId,
    callId: String(callId),
    resolution,
    ...(result !== undefined && { output: jsonOrText(result) }),
  })
  await goOn(shell, connection, { sessionId, call, after })
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Text that is no JSON is the answer as it stands.
    return text
  }
}

/** Says what was decided; without a server that continues the work, this command does. */
async function goOn(
  shell: Shell,
  { ask, server }: Connection,
  {
    sessionId,
    call,
    after,
  }: { readonly sessionId: string; readonly call: CallView; readonly after: string | undefined },
): Promise<void> {
  const { output } = shell
  if (server !== undefined) {
    if (output.json) output.object(call)
    else output.line(`${call.tool} (${call.id}): ${call.state}`)
    return
  }
  const status = await watchInput(shell, ask, { sessionId, inputId: call.inputId, after }, { structured: false })
  if (status !== EXIT.ok) await shell.end(status)
}
