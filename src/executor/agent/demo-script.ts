/**
 * Decides the demo agent's next step from the prompt alone: the same prompt always gives the same step.
 *
 * The request is every user message since its last answer; user messages behind tool results are steers. The calls that
 * the request asks for are made in rounds, and the prompt shows how many have been made.
 */
import type { CallOptions } from './model.ts'
import { announcedCall, NOTICE } from './prompt.ts'

type Prompt = CallOptions['prompt']
type Message = Prompt[number]

export interface DemoCall {
  readonly name: string
  readonly args: object
}

/** What the demo agent does next. */
export type DemoStep =
  | { readonly type: 'call'; readonly say: string; readonly calls: readonly DemoCall[] }
  | {
      readonly type: 'say'
      readonly think?: string
      readonly text: string
      readonly pace: 'usual' | 'counting' | 'slow'
    }
  | { readonly type: 'fail'; readonly retryable: boolean; readonly key: string }

type Action =
  | {
      readonly type: 'text'
      readonly text: string
      readonly plain?: true
      readonly counts?: true
      readonly heard?: true
    }
  | { readonly type: 'call'; readonly call: DemoCall }
  | { readonly type: 'steps'; readonly count: number }
  | { readonly type: 'think'; readonly about: string }
  | { readonly type: 'fail'; readonly retryable: boolean }

const HELP = `I am meerkat's demo agent: a script, not a language model. I understand:
  say X                  I say X
  count to 10 [slowly]   I count; cancel me in the middle
  what time is it        I call the tool clock
  add 2 and 3, 6 * 7     I call calculator
  roll 2 dice            I call dice
  note X                 I call note, which writes X down
  transfer 5 to X        I call transfer, which needs your approval
  wait 500 ms            I call slow (or: wait 500 ms and ask, wait 500 ms and fail, for a lost call's policy)
  take 5 steps           I call slow again and again; steer me meanwhile ("stop" ends it)
  call NAME with {...}   I call any tool
  think about X          I think before I answer
  fail, hiccup           my model fails for good, or once
  what did I say first?  I remember the conversation
Join them with "and": they run side by side. With an output schema I answer a value that fits.`

const ABOUT = '(I am a demo agent: a script, not a language model. Say "help" to see what I understand.)'

/** Reads the prompt and decides the next step. */
export function demoStep(prompt: Prompt, tools: readonly string[]): DemoStep {
  const decided = decidedIn(prompt)
  if (decided.length > 0) return { type: 'say', text: decided.map(sentence).join('\n'), pace: 'usual' }
  const work = prompt.slice(startOfWork(prompt))
  const firstTool = work.findIndex(({ role }) => role === 'tool')
  const isSteer = (index: number): boolean => firstTool !== -1 && index > firstTool
  const users = work.flatMap((message, index) =>
    message.role === 'user' ? [{ text: textOf(message), steer: isSteer(index) }] : [],
  )
  // Steers are acknowledged anyway, so a part that is no command needs no other answer.
  const actions = users
    .flatMap(({ text, steer }) =>
      read(text, prompt).filter(action => !(steer && action.type === 'text' && action.heard === true)),
    )
    .map(action => offered(action, tools))
  const fail = actions.find(action => action.type === 'fail')
  const made = resultsOf(work)
  if (fail !== undefined && made.length === 0)
    return { ...fail, key: `${prompt.length} ${users.map(({ text }) => text).join(' ')}` }
  const steers = users.filter(({ steer }) => steer).map(({ text }) => text)
  const round = steers.some(text => /\b(stop|enough)\b/i.test(text)) ? undefined : nextRound(actions, made.length)
  if (round !== undefined)
    return { type: 'call', say: round.length === 1 ? '' : `I do ${round.length} things side by side.`, calls: round }
  return answer(actions, made, steers, prompt)
}

/** Results of calls that were pending during an earlier answer: the prompt ends with their announcements. */
function decidedIn(prompt: Prompt): readonly Result[] {
  const start = prompt.findLastIndex(message => announcedBy(message) === undefined) + 1
  const ids = prompt.slice(start).flatMap(message => announcedBy(message) ?? [])
  return resultsOf(prompt).filter(({ id }) => ids.includes(id))
}

function announcedBy(message: Message): string | undefined {
  return message.role === 'user' ? announcedCall(textOf(message)) : undefined
}

/** The first user message after the last answer, or after the notice that there was none. */
function startOfWork(prompt: Prompt): number {
  const lastEnd = prompt.findLastIndex(message => isAnswer(message) || isNotice(message))
  const start = prompt.findIndex((message, index) => index > lastEnd && message.role === 'user')
  return start === -1 ? prompt.length : start
}

function isAnswer(message: Message): boolean {
  return message.role === 'assistant' && !message.content.some(part => part.type === 'tool-call')
}

function isNotice(message: Message): boolean {
  return message.role === 'user' && textOf(message).startsWith(`${NOTICE} `)
}

/** The first round that has not been made: the calls of one request side by side, then its steps one by one. */
function nextRound(actions: readonly Action[], made: number): readonly DemoCall[] | undefined {
  const rounds = [
    actions.flatMap(action => (action.type === 'call' ? [action.call] : [])),
    ...actions.flatMap(action => (action.type === 'steps' ? Array.from({ length: action.count }, () => [STEP]) : [])),
  ]
  let seen = 0
  for (const round of rounds) {
    const left = round.slice(Math.max(0, made - seen))
    seen += round.length
    if (left.length > 0) return left
  }
  return undefined
}

const STEP: DemoCall = { name: 'slow', args: { ms: 300 } }

function answer(
  actions: readonly Action[],
  made: readonly Result[],
  steers: readonly string[],
  prompt: Prompt,
): DemoStep {
  const texts = actions.flatMap(action => (action.type === 'text' ? [action.text] : []))
  const thoughts = actions.flatMap(action => (action.type === 'think' ? [action.about] : []))
  const lines = [
    ...steers.map(text => `You steered me: ${text}`),
    ...made.map(sentence),
    ...texts,
    ...thoughts.map(about => `I thought about ${about}.`),
  ]
  const isFirst = !prompt.some(({ role }) => role === 'assistant')
  const isPlain = actions.length > 0 && actions.every(action => action.type === 'text' && action.plain === true)
  const text = lines.join('\n')
  return {
    type: 'say',
    text: isFirst && !isPlain ? `${text}\n\n${ABOUT}` : text,
    pace: actions.some(action => action.type === 'text' && action.counts === true)
      ? isSlow(prompt)
        ? 'slow'
        : 'counting'
      : 'usual',
    ...(thoughts.length === 0
      ? {}
      : { think: thoughts.map(about => `I think about ${about}, as far as a script can.`).join(' ') }),
  }
}

function isSlow(prompt: Prompt): boolean {
  return /\bslowly\b/i.test(textOf(prompt.findLast(({ role }) => role === 'user')))
}

const VERBS =
  'say|count|use|what|tell|add|subtract|multiply|divide|calculate|roll|note|wait|take|call|think|fail|hiccup|transfer|help|\\d'
const JOINTS = new RegExp(
  `\\s*(?:;|\\n|[,.]?\\s+(?:and\\s+)?then\\s+|[,.]?\\s+and\\s+(?=(?:${VERBS})\\b)|,\\s+(?=(?:${VERBS})\\b))\\s*`,
  'i',
)

function read(text: string, prompt: Prompt): readonly Action[] {
  // "add 2 and 3" and "wait 5 ms and ask" contain an "and" of their own.
  const guarded = text
    .replaceAll(/(-?[\d.]+)\s+and\s+(-?[\d.]+)/gi, '$1 & $2')
    .replaceAll(/(wait [\d.]+ ?(?:ms|s)?)\s+and\s+(ask|fail)/gi, '$1 & $2')
  return guarded
    .split(JOINTS)
    .filter(clause => clause.trim() !== '')
    .map(clause => readClause(clause.trim(), prompt))
}

type Reader = readonly [pattern: RegExp, read: (match: readonly string[], prompt: Prompt) => Action]

const call = (name: string, args: object): Action => ({ type: 'call', call: { name, args } })
const said = (text: string): Action => ({ type: 'text', text })
const calculator = (a: string | undefined, operation: string, b: string | undefined): Action =>
  call('calculator', { a: Number(a), operation, b: Number(b) })

const OPERATIONS: Readonly<Record<string, string>> = {
  add: '+',
  subtract: '-',
  multiply: '*',
  divide: '/',
  plus: '+',
  minus: '-',
  times: '*',
  x: '*',
}

const READERS: readonly Reader[] = [
  [/^(?:please )?help\b/i, () => said(HELP)],
  [/^(?:please )?say (.+)$/is, ([, text = '']) => ({ type: 'text', text, plain: true })],
  [/^count to (\d+)/i, ([, to]) => ({ type: 'text', text: countTo(Number(to)), plain: true, counts: true })],
  [/^(?:what(?:'s| is)? (?:the )?time\b|use the clock|tell (?:me )?the time)/i, () => call('clock', {})],
  [
    /^(add|subtract|multiply|divide) (-?[\d.]+) (?:&|and|by|from|to|,|with) (-?[\d.]+)/i,
    ([, verb = '', a, b]) => calculator(a, OPERATIONS[verb.toLowerCase()] ?? '+', b),
  ],
  [
    /^(?:calculate |what is |what's )?(-?[\d.]+) ?(\+|-|\*|\/|x|plus|minus|times) ?(-?[\d.]+)\??$/i,
    ([, a, sign = '', b]) => calculator(a, OPERATIONS[sign.toLowerCase()] ?? sign, b),
  ],
  [
    /^roll (?:a |an |the )?(?:(\d+) )?(?:dice|die)(?: with (\d+) sides)?/i,
    ([, count, sides]) =>
      call('dice', { ...(count ? { count: Number(count) } : {}), ...(sides ? { sides: Number(sides) } : {}) }),
  ],
  [/^note (?:that |down )?(.+)$/is, ([, text = '']) => call('note', { text })],
  [/^transfer ([\d.]+) (?:\w+ )?to (.+)$/i, ([, amount, to = '']) => call('transfer', { amount: Number(amount), to })],
  [
    /^wait (\d+) ?(ms|s)?(?:\w*)(?: and (ask|fail))?/i,
    ([, time, unit, policy]) =>
      call(policy ? `slow_${policy.toLowerCase()}` : 'slow', {
        ms: Number(time) * (unit?.toLowerCase() === 's' ? 1000 : 1),
      }),
  ],
  [/^take (\d+) steps?/i, ([, count]) => ({ type: 'steps', count: Math.min(Number(count), MAX_STEPS) })],
  [/^call ([\w.-]+)(?: with (\{.*\}))?/is, ([, name = '', json]) => callOf(name, json)],
  [/^think(?: about)?(?: (.+))?$/is, ([, about = 'this']) => ({ type: 'think', about })],
  [/^fail\b/i, () => ({ type: 'fail', retryable: false })],
  [/^hiccup\b/i, () => ({ type: 'fail', retryable: true })],
  [/^what did i say( first)?/i, ([, first], prompt) => said(recall(prompt, first !== undefined))],
]

const MAX_STEPS = 40
const MAX_COUNT = 10_000

function readClause(clause: string, prompt: Prompt): Action {
  const plain = clause.replace(/\s*&\s*/g, ' and ')
  for (const [pattern, toAction] of READERS) {
    const match = pattern.exec(clause.replace(' & ', ' and ')) ?? pattern.exec(clause)
    if (match !== null) return toAction(match, prompt)
  }
  return { type: 'text', text: `You said: ${plain}`, heard: true }
}

function countTo(to: number): string {
  return Array.from({ length: Math.min(to, MAX_COUNT) }, (_, index) => index + 1).join(' ')
}

function callOf(name: string, json: string | undefined): Action {
  try {
    const args: unknown = JSON.parse(json ?? '{}')
    return call(name, typeof args === 'object' && args !== null ? args : {})
  } catch {
    return said(`I can't read the arguments for ${name}: they are not JSON.`)
  }
}

function recall(prompt: Prompt, first: boolean): string {
  const before = prompt
    .filter(message => message.role === 'user' && !isNotice(message))
    .map(textOf)
    .slice(0, -1)
  const text = first ? before[0] : before.at(-1)
  return text === undefined ? 'You said nothing before.' : `${first ? 'First' : 'Before that'} you said: ${text}`
}

/** The call of a tool that exists, else an answer that says that it does not. */
function offered(action: Action, tools: readonly string[]): Action {
  const name = action.type === 'call' ? action.call.name : action.type === 'steps' ? STEP.name : undefined
  return name === undefined || tools.includes(name) ? action : said(`I have no tool named ${name}.`)
}

interface Result {
  readonly id: string
  readonly name: string
  readonly failed: boolean
  readonly output: unknown
}

function resultsOf(work: Prompt): readonly Result[] {
  return work.flatMap(message => {
    if (message.role !== 'tool') return []
    return message.content.flatMap(part => {
      if (part.type !== 'tool-result') return []
      const { output, toolName: name, toolCallId: id } = part
      const failed = output.type.startsWith('error') || output.type === 'execution-denied'
      return [{ id, name, failed, output: 'value' in output ? output.value : output.type }]
    })
  })
}

function sentence({ name, failed, output }: Result): string {
  const shown = typeof output === 'string' ? output : JSON.stringify(output)
  return `${name} ${failed ? 'failed' : 'says'}: ${shown}`
}

function textOf(message: Message | undefined): string {
  if (message === undefined) return ''
  if (message.role === 'system') return message.content
  return message.content.map(part => (part.type === 'text' ? part.text : '')).join('')
}
