/** The commands as the parser sees them. Each loads its module when it is called, and not before. */
import { Command, Option } from 'commander'
import { COMMANDS, type CommandRow } from './command-table.ts'
import { Exit, report } from './failure.ts'
import { Shell } from './shell.ts'

const EPILOGUE = `
Settings: a flag, else MEERKAT_STORE, MEERKAT_MODEL, MEERKAT_BASE_URL, MEERKAT_URL, MEERKAT_TOKEN, MEERKAT_HOST,
MEERKAT_PORT, MEERKAT_SYSTEM, MEERKAT_MAX_RUN_MS, else meerkat.config.{ts,js,json}, else the default.

Exit status: 0 done, 1 failed, 2 called wrongly, 3 not found, 4 refused, 5 no key or no permission, 6 too much,
7 not supported, 8 store unavailable, 130 cancelled, 143 terminated. MEERKAT_DEBUG=1 shows stacks.

Start here:  meerkat demo
             meerkat run --model demo/agent "hello"`

/** Parses and runs; answers the exit status. */
export async function runProgram(args: readonly string[], version: () => string): Promise<number> {
  // What a parser error is told as depends on a flag that may not have been parsed yet.
  const asked = args.slice(0, args.includes('--') ? args.indexOf('--') : args.length)
  const failing = {
    json: asked.includes('--json'),
    debug: process.env['MEERKAT_DEBUG'] === '1',
    command: COMMANDS.find(({ name }) => name === args[0])?.name,
  }
  // A mistake of ours that nothing caught is told like any other failure.
  process.on('uncaughtException', error => process.exit(report(error, failing)))
  let shell: Shell | undefined
  const program = build(version, flags => {
    shell = new Shell(flags)
    return shell
  })
  try {
    if (args.length === 0) program.outputHelp()
    else await program.parseAsync(args, { from: 'user' })
    await shell?.unlessEnding()
    await shell?.close()
    return 0
  } catch (error) {
    if (isHelp(error)) return 0
    await shell?.unlessEnding()
    const status = report(error, failing)
    // The failure that is told is the first one; closing after it can only add noise.
    await shell?.close().catch(() => {})
    return status
  }
}

function build(version: () => string, shellFor: (flags: Readonly<Record<string, unknown>>) => Shell): Command {
  const program = new Command('meerkat')
    .description('A durable session runtime for AI agents.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', EPILOGUE)
    .enablePositionalOptions()
    .exitOverride()
    // Errors are reported in one place, on one line.
    .configureOutput({ writeErr: () => {}, outputError: () => {} })
  for (const row of COMMANDS) program.addCommand(buildOne(row, shellFor))
  return program
}

function buildOne(row: CommandRow, shellFor: (flags: Readonly<Record<string, unknown>>) => Shell): Command {
  const command = new Command(row.name).description(row.summary).helpOption('-h, --help', 'print this help')
  for (const [name, text] of row.args ?? []) command.argument(name, text)
  for (const [flags, text] of row.options) command.addOption(new Option(flags, text))
  if (row.more !== undefined) command.addHelpText('after', `\n${row.more}`)
  command
    .exitOverride()
    .configureOutput({ writeErr: () => {}, outputError: () => {} })
    .action(async () => {
      const perform = await row.load()
      await perform(shellFor(command.opts<Record<string, unknown>>()), command.processedArgs as unknown[])
    })
  return command
}

function isHelp(error: unknown): boolean {
  if (error instanceof Exit) return false
  if (!(error instanceof Error) || !('code' in error)) return false
  return (
    error.code === 'commander.helpDisplayed' || error.code === 'commander.version' || error.code === 'commander.help'
  )
}
