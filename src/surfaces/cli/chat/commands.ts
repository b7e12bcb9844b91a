/** The commands that can be typed in a chat. */
import { defined } from '../../../defined.ts'
import { MeerkatError } from '../../../errors.ts'
import { explanationLines } from '../commands/explain.ts'
import { printMessage } from '../commands/history.ts'
import { usage } from '../failure.ts'
import { cancelText } from '../interrupts.ts'
import { brief } from '../output.ts'
import type { Shell } from '../shell.ts'
import { stateText } from '../until.ts'
import type { Conversation } from './conversation.ts'
import type { Screen } from './screen.ts'

export interface ChatContext {
  readonly shell: Shell
  readonly screen: Screen
  readonly conversation: Conversation
  readonly quit: () => void
}

interface ChatCommand {
  readonly form: string
  readonly text: string
  readonly perform: (context: ChatContext, rest: string) => Promise<void> | void
}

const CHAT_COMMANDS: Readonly<Record<string, ChatCommand>> = {
  queue: { form: '/queue TEXT', text: 'send TEXT as a turn of its own, after what goes on', perform: queue },
  cancel: { form: '/cancel [now]', text: 'cancel the run at its next boundary, or now', perform: cancel },
  history: { form: '/history', text: 'print the transcript', perform: printHistory },
  explain: { form: '/explain', text: 'say what the session waits for', perform: explain },
  calls: { form: '/calls', text: 'list tool calls of unfinished work', perform: listCalls },
  allow: {
    form: '/allow [CALL]',
    text: 'allow the tool call that waits',
    perform: (context, rest) => decide(context, rest, 'allow'),
  },
  deny: {
    form: '/deny [CALL]',
    text: 'deny the tool call that waits',
    perform: (context, rest) => decide(context, rest, 'deny'),
  },
  resolve: {
    form: '/resolve CALL retry|succeeded|failed',
    text: 'settle a call whose outcome was lost',
    perform: resolve,
  },
  help: { form: '/help', text: 'print this', perform: help },
  quit: { form: '/quit', text: 'leave; the session stays', perform: ({ quit }) => quit() },
}

/** Performs a line that begins with a slash. */
export async function performCommand(context: ChatContext, line: string): Promise<void> {
  const [word = '', ...rest] = line.slice(1).split(' ')
  const command = Object.hasOwn(CHAT_COMMANDS, word) ? CHAT_COMMANDS[word] : undefined
  if (command === undefined) throw usage(`there is no command /${word}: /help lists them`)
  await command.perform(context, rest.join(' ').trim())
}

async function queue({ conversation, screen }: ChatContext, text: string): Promise<void> {
  if (text === '') throw usage('say what to queue: /queue TEXT')
  const wasBusy = conversation.busy
  await conversation.send(text, 'queue')
  if (wasBusy) screen.line('queued: its turn comes after what goes on')
}

async function cancel({ conversation, screen }: ChatContext, rest: string): Promise<void> {
  if (!conversation.busy) return screen.line('nothing is going on')
  const when = rest === 'now' ? 'now' : 'boundary'
  screen.line(cancelText(await conversation.cancel(when), when))
}

async function printHistory({ conversation, shell, screen }: ChatContext): Promise<void> {
  const { sessionId, connection } = conversation
  let after: number | undefined
  do {
    const page = await connection.ask('session/history', {
      sessionId,
      limit: 200,
      ...defined({ after }),
    })
    for (const message of page.messages) printMessage(shell.output, message)
    after = page.next
  } while (after !== undefined)
  if (!conversation.busy) screen.note(`session ${sessionId}`)
}

async function explain({ conversation, screen }: ChatContext): Promise<void> {
  const { sessionId, connection } = conversation
  const explanation = await connection.ask('session/explain', { sessionId })
  for (const line of explanationLines(sessionId, explanation)) screen.line(line)
}

async function listCalls({ conversation, screen }: ChatContext): Promise<void> {
  const { sessionId, connection } = conversation
  const { calls } = await connection.ask('call/list', { sessionId })
  if (calls.length === 0) screen.line('no calls of unfinished work')
  for (const call of calls)
    screen.line(`${call.id}  ${stateText(call)}  ${call.tool} ${call.args === undefined ? '' : brief(call.args)}`)
}

async function decide({ conversation, screen }: ChatContext, rest: string, decision: 'allow' | 'deny'): Promise<void> {
  const { sessionId, connection } = conversation
  const { approvals } = await connection.ask('approval/list', { sessionId })
  const chosen = rest === '' ? approvals[0] : approvals.find(({ id }) => id === rest)
  if (chosen === undefined) throw new MeerkatError('not-found', 'nothing waits for that decision')
  await connection.ask('approval/decide', { sessionId, approvalId: chosen.id, decision })
  screen.line(`${chosen.tool}: ${decision === 'allow' ? 'allowed' : 'denied'}`)
}

const RESOLUTIONS = ['retry', 'succeeded', 'failed'] as const

async function resolve({ conversation, screen }: ChatContext, rest: string): Promise<void> {
  const [callId = '', how = '', ...output] = rest.split(' ')
  const resolution = RESOLUTIONS.find(known => known === how)
  if (resolution === undefined) throw usage('say /resolve CALL retry, succeeded or failed')
  const { sessionId, connection } = conversation
  const { call } = await connection.ask('call/resolve', {
    sessionId,
    callId,
    resolution,
    ...(output.length > 0 && { output: output.join(' ') }),
  })
  screen.line(`${call.tool}: ${call.state}`)
}

function help({ screen }: ChatContext): void {
  for (const { form, text } of Object.values(CHAT_COMMANDS)) screen.line(`  ${form.padEnd(38)}${text}`)
  screen.line('  any other line                        what you say: a new turn, or, while one goes on, a steer')
  screen.line('  Ctrl-C                                cancel at the boundary; again: now; a third time leaves')
}
