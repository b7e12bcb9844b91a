#!/usr/bin/env node
/**
 * The `meerkat` command.
 *
 * Start-up is part of every answer's time, so this file loads as little as possible: `--version` is answered without
 * the parser, and the module of a command (with the store, the models and the server) is loaded when the command is
 * called.
 */
import { nodeRefusal } from '../../node-version.ts'

/** The package's manifest, from src/surfaces/cli and from dist/surfaces/cli alike. */
const MANIFEST = new URL('../../../package.json', import.meta.url)

function version(): string {
  const { readFileSync } = process.getBuiltinModule('node:fs')
  const manifest = JSON.parse(readFileSync(MANIFEST, 'utf8')) as { readonly version: string }
  return manifest.version
}

async function main(args: readonly string[]): Promise<void> {
  // Compiled code is kept between starts, where the system has a folder for it.
  process.getBuiltinModule('node:module').enableCompileCache()
  if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) {
    // The reader of the output may have left.
    process.stdout.on('error', () => {}).write(`${version()}\n`)
    return
  }
  const { runProgram } = await import('./program.ts')
  // Everything is closed by now; a handle that a library still holds open must not keep the process alive.
  process.exit(await runProgram(args, version))
}

const refusal: string | undefined = nodeRefusal()
if (refusal === undefined) await main(process.argv.slice(2))
else {
  process.stderr.write(`meerkat: ${refusal}\n`)
  process.exitCode = 1
}
