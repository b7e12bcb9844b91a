/** Runs the command line: from its words to an exit status. The module of a command is loaded when it is called. */
import { guardProcess } from '../../executor/process-guard.ts'
import { EXIT, report, reportStray } from './failure.ts'
import { Outlet } from './outlet.ts'
import { type Parsed, parseArgs } from './parse-args.ts'
import { Shell } from './shell.ts'

/** The width where the output goes to a file or a pipe. */
const WIDTH = 80

/** Warnings that only older versions of Node print, and that the user of a command can't act on. */
const TOLD_BY_NODE_22 = /^(?:SQLite|Type Stripping) is an experimental feature/

/** Prints Node's warnings as Node does, except those about its own experimental parts. */
function onlyUsefulWarnings(): void {
  const shown = process.listeners('warning')
  process.removeAllListeners('warning')
  process.on('warning', warning => {
    if (warning.name === 'ExperimentalWarning' && TOLD_BY_NODE_22.test(warning.message)) return
    for (const show of shown) show(warning)
  })
}

/** Parses and runs; answers the exit status when all output is written. */
export async function runProgram(args: readonly string[], version: () => string): Promise<number> {
  const outlet = new Outlet()
  const status = await perform(args, version, outlet)
  await outlet.flushed()
  return status === EXIT.ok && outlet.failed ? EXIT.failed : status
}

/** The command line, parsed with the commands of the groups that it names. */
async function parsedFully(args: readonly string[]): Promise<Exclude<Parsed, { readonly type: 'group' }>> {
  let parsed = parseArgs(args)
  while (parsed.type === 'group') {
    const { group, rest } = parsed
    parsed = parseArgs(rest, { group, rows: await group.actions() })
  }
  return parsed
}

async function perform(args: readonly string[], version: () => string, outlet: Outlet): Promise<number> {
  // How a wrong flag is reported depends on `--json`, which may not have been parsed yet.
  const asked = args.slice(0, args.includes('--') ? args.indexOf('--') : args.length)
  const failing = { json: asked.includes('--json'), debug: process.env['MEERKAT_DEBUG'] === '1' }
  guardProcess({
    onStray: stray => reportStray(stray, failing),
    // A fault of our own that nothing caught is reported like any other failure.
    onFault: error => process.exit(report(error, failing)),
  })
  onlyUsefulWarnings()
  let shell: Shell | undefined
  try {
    const parsed = await parsedFully(args)
    if (parsed.type === 'version') process.stdout.write(`${version()}\n`)
    else if (parsed.type === 'help') {
      const { helpText } = await import('./help.ts')
      const width = process.stdout.isTTY ? process.stdout.columns : WIDTH
      process.stdout.write(helpText(parsed.row, width, parsed.among))
    } else {
      const run = await parsed.row.load()
      shell = new Shell(parsed.flags, outlet)
      await run(shell, parsed.args)
    }
    await shell?.unlessEnding()
    await shell?.close()
    return EXIT.ok
  } catch (error) {
    await shell?.unlessEnding()
    const status = report(error, failing)
    // The first failure is reported; one of closing after it would only add noise.
    await shell?.close().catch(() => {})
    return status
  }
}
