/** Every command once: its name, its arguments, its flags, and where its code is. */
import type { CommandGroup, CommandRow, Texts } from './command-row.ts'

const store: Texts = [['--store <spec>', 'sqlite:PATH, postgres://… or memory: (default sqlite:.meerkat/meerkat.db)']]
const json: Texts = [['--json', 'print JSON, one object a line']]
const where: Texts = [
  ...store,
  ['--url <address>', 'talk to this server instead; one that serves the store is found by itself'],
  ['--token <secret>', "the server's token (MEERKAT_TOKEN keeps it out of the process list)"],
]
const model: Texts = [
  ['-m, --model <id>', 'provider/model, compatible/NAME with --base-url, or demo/agent'],
  ['--base-url <address>', 'an OpenAI-compatible server: Ollama, vLLM, llama.cpp, LM Studio'],
  ['--tools <list>', 'names among the configured tools, `none`, or a module such as ./tools.ts'],
  ['--builtins <list>', 'built-in tools to switch on, such as files; options for them stand in the config file'],
  ['--system <text>', 'system prompt of a new session'],
  ['--max-run-ms <n>', 'deadline of a run in milliseconds'],
]
const runs: Texts = [
  ['--max-concurrent-runs <n>', 'runs at once; the others wait their turn (default: no limit)'],
  ['--max-queued-inputs <n>', 'unfinished inputs a session may have; others are refused (default 10000)'],
]
const drain: Texts = [
  ['--drain-ms <n>', 'how long runs may go on after SIGTERM (default 10000)'],
  ['--log-level <level>', 'what is told on stderr: silent, error, warn (default: failed runs too), info or debug'],
]
const FLEET = `Several processes on one PostgreSQL store are a fleet: each admits for every session, one owns each session's turns,
and another takes over when that one ends. SIGTERM hands sessions over in good order; Ctrl-C interrupts runs.`
const session: Texts = [['<session>', 'the session']]
const sending: Texts = [
  ...where,
  ...model,
  ['--idempotency-key <key>', 'sending it again answers the first input instead of making a second'],
  ['--wait', 'print the answer; without a server this happens anyway'],
  ...json,
]

/** The operations of a family as commands. */
function family(name: string, summary: string): CommandGroup {
  const besides = { all: [...where, ...json], serving: model.slice(0, 4) }
  const actions = async (): Promise<readonly CommandRow[]> => (await import('./actions.ts')).actionsOf(name, besides)
  return { name, summary, args: [['<action>', 'what to do']], options: [], actions }
}

export const COMMANDS: readonly (CommandRow | CommandGroup)[] = [
  {
    name: 'run',
    summary: 'answer one prompt',
    args: [['[prompt]', 'what to answer; text piped in follows it']],
    options: [
      ['-s, --session <id>', 'go on with this session, or open it under this id'],
      ...model,
      ['--output-schema <schema>', 'JSON Schema of the answer: a file, or the JSON itself'],
      ['--idempotency-key <key>', 'sending it again answers the first input instead of making a second'],
      ['--stdin', 'wait for stdin to end, however long it takes; a pipe that says nothing is left after 3 s otherwise'],
      ['--no-stdin', 'leave stdin alone'],
      ...where,
      ...json,
    ],
    more: `Ctrl-C cancels at the next boundary, again cancels now, a third time leaves. No accepted input is lost:
with --session and no prompt, the session's unfinished work is finished.`,
    load: async () => (await import('./commands/run.ts')).run,
  },
  {
    name: 'chat',
    summary: 'talk with an agent, line by line',
    options: [['-s, --session <id>', 'go on with this session, or open it under this id'], ...model, ...where],
    more: 'A line typed while the agent works steers it. /help lists the commands.',
    load: async () => (await import('./commands/chat.ts')).chat,
  },
  {
    name: 'serve',
    summary: 'serve sessions over HTTP',
    options: [
      ['--host <host>', 'address to listen on (default 127.0.0.1)'],
      ['--port <n>', 'port to listen on, 0 for a free one (default 4747)'],
      ['--token <secret>', 'what clients must show (MEERKAT_TOKEN keeps it out of the process list)'],
      ['--allow-host <names>', 'further names it is reached by, with commas, such as that of a proxy before it'],
      ['--allow-origin <origins>', 'origins whose pages may call, with commas, such as https://console.example.org'],
      ['--no-worker', 'admit and show only; other processes on the same store do the work'],
      ...drain,
      ...runs,
      ...model.slice(0, 4),
      ...store,
      ...json,
    ],
    more: FLEET,
    load: async () => (await import('./commands/serve.ts')).serveCommand,
  },
  {
    name: 'worker',
    summary: 'do the work of a store that other processes serve',
    options: [...drain, ...runs, ...model.slice(0, 4), ...store, ...json],
    more: FLEET,
    load: async () => (await import('./commands/serve.ts')).workerCommand,
  },
  {
    name: 'rpc',
    summary: 'speak JSON-RPC on stdin and stdout',
    options: [...runs, ...model.slice(0, 4), ...store],
    load: async () => (await import('./commands/rpc.ts')).rpc,
  },
  {
    name: 'sessions',
    summary: 'list sessions',
    options: [
      ['--phase <phase>', 'only those in this phase'],
      ['--label <key[=value]>', 'only those with this label'],
      ['--limit <n>', 'most to print (default 100)'],
      ...where,
      ...json,
    ],
    load: async () => (await import('./commands/sessions.ts')).sessions,
  },
  {
    name: 'send',
    summary: "queue an input for a session's next turn",
    args: [...session, ['<text...>', 'what to send']],
    options: sending,
    load: async () => (await import('./commands/send.ts')).send,
  },
  {
    name: 'steer',
    summary: 'say something to the run that is under way',
    args: [...session, ['<text...>', 'what to say']],
    options: sending,
    load: async () => (await import('./commands/send.ts')).steer,
  },
  {
    name: 'cancel',
    summary: 'cancel the run of a session',
    args: session,
    options: [
      ['--now', 'abort what is under way'],
      ['--boundary', 'let the present step finish (default)'],
      ['--run <id>', 'the run that is meant; the current one when absent'],
      ['--drop-queue', 'withdraw what is queued too'],
      ...where,
      ...json,
    ],
    load: async () => (await import('./commands/cancel.ts')).cancel,
  },
  {
    name: 'resume',
    summary: 'revive a stopped session: what it kept waiting goes on',
    args: session,
    options: [...where, ...json],
    more: 'A server goes on with what waits. Without one, `meerkat run --session` does.',
    load: async () => (await import('./commands/resume.ts')).resume,
  },
  {
    name: 'history',
    summary: 'print the transcript of a session',
    args: session,
    options: [
      ['--after <index>', 'only messages behind this one'],
      ['--limit <n>', 'most to print'],
      ...where,
      ...json,
    ],
    load: async () => (await import('./commands/history.ts')).history,
  },
  {
    name: 'events',
    summary: 'print the event log',
    args: [['[session]', 'only events of this session']],
    options: [
      ['-f, --follow', 'go on with what comes'],
      ['--after <cursor>', 'only events behind this cursor'],
      ['--limit <n>', 'most to print'],
      ...where,
      ...json,
    ],
    load: async () => (await import('./commands/events.ts')).events,
  },
  {
    name: 'explain',
    summary: 'say what a session waits for',
    args: session,
    options: [...where, ...json],
    load: async () => (await import('./commands/explain.ts')).explain,
  },
  {
    name: 'audit',
    summary: "re-run a session's log through the kernel",
    args: session,
    options: [...where, ...json],
    load: async () => (await import('./commands/audit.ts')).audit,
  },
  {
    name: 'calls',
    summary: 'list tool calls of unfinished work',
    args: session,
    options: [...where, ...json],
    load: async () => (await import('./commands/calls.ts')).calls,
  },
  {
    name: 'approve',
    summary: 'allow or deny a call that waits for a decision',
    args: [...session, ['[call]', 'the call; may be left out if only one waits']],
    options: [
      ['--deny', 'refuse it'],
      ['--reason <text>', 'what the agent reads when it is refused'],
      ...where,
      ...model.slice(0, 4),
      ...json,
    ],
    load: async () => (await import('./commands/calls.ts')).approve,
  },
  {
    name: 'resolve',
    summary: 'settle a call whose outcome was lost',
    args: [...session, ['<call>', 'the call'], ['<resolution>', 'retry, succeeded or failed']],
    options: [['--output <json>', 'what the tool gave, where you know'], ...where, ...model.slice(0, 4), ...json],
    load: async () => (await import('./commands/calls.ts')).resolveCall,
  },
  family('model', 'which model a session has, and another one'),
  family('tool', "which tools a session's model may see, and others"),
  {
    name: 'op',
    summary: 'call any operation by its name',
    args: [
      ['[name]', 'such as session/get; without one the table is printed'],
      ['[params]', 'its parameters as JSON'],
    ],
    options: [...where, ...model.slice(0, 4), ...json],
    load: async () => (await import('./commands/op.ts')).op,
  },
  {
    name: 'verify',
    summary: 'walk the kernel through every reachable state and check every invariant',
    options: [['--quick', 'smaller configurations, a few seconds'], ...json],
    load: async () => (await import('./commands/verify.ts')).verifyCommand,
  },
  {
    name: 'doctor',
    summary: 'check this installation, the store and, with --model, the model',
    options: [...model.slice(0, 2), ...where, ...json],
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  {
    name: 'backup',
    summary: 'copy the database while it is in use',
    args: [['<file>', 'where the copy goes; must not exist']],
    options: [...store, ...json],
    more: 'Restore by opening the copy. PostgreSQL has its own tools for this (pg_dump, base backups).',
    load: async () => (await import('./commands/backup.ts')).backup,
  },
  {
    name: 'export',
    summary: 'print a session as lines of JSON, whole and by itself',
    args: session,
    options: [['--out <file>', 'where they go instead; the file appears when it is whole'], ...store],
    more: 'The session may be in use meanwhile. docs/export-format.md describes the lines.',
    load: async () => (await import('./commands/export.ts')).exportCommand,
  },
  {
    name: 'import',
    summary: 'make a session of its export',
    args: [['[file]', 'what `export` wrote; stdin when absent']],
    options: [['--as <id>', 'another id for the session'], ...store, ...json],
    more: 'All of it or nothing. Unfinished work goes on when a server, a worker or `meerkat run --session` serves the session.',
    load: async () => (await import('./commands/import.ts')).importCommand,
  },
  {
    name: 'move',
    summary: 'take a session into another store',
    args: session,
    options: [['--to <spec>', 'the store it goes to'], ...store, ...json],
    more: 'It is never runnable in both. If this ends half way, the same command finishes it.',
    load: async () => (await import('./commands/move.ts')).move,
  },
  {
    name: 'prune',
    summary: 'take off what need not be kept any more',
    options: [
      ['--deltas <age>', 'join the pieces of texts whose run ended longer ago (12h, 30d, …)'],
      ['--events <age>', 'drop older events, apart from those that say how runs went'],
      ['--destroyed <age>', 'forget sessions that were destroyed longer ago'],
      ['--retired <age>', 'forget retired sessions that owe nothing and changed longer ago'],
      ['--dry-run', 'only say what would go'],
      ['--compact', 'then give free space back to the file system'],
      ...where,
      ...json,
    ],
    more: `Without an age it is --deltas 1h --destroyed 7d. History, inputs, idempotency keys and whatever is unfinished stay.`,
    load: async () => (await import('./commands/prune.ts')).prune,
  },
  {
    name: 'demo',
    summary: 'a tour of two minutes: durable turns, steering, a crash and its recovery',
    options: [['--fast', 'no pauses']],
    load: async () => (await import('./commands/demo.ts')).demo,
  },
]
