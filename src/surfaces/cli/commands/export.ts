/** `meerkat export`: a session as lines of text, also while its owner goes on. */
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { MeerkatError } from '../../../errors.ts'
import { exportSession } from '../../../session/transfer/export.ts'
import type { Shell } from '../shell.ts'
import { countText, ticking } from '../ticker.ts'
import { openTransfer, specOf } from './transfer-stores.ts'

export async function exportCommand(shell: Shell, [session]: readonly unknown[]): Promise<void> {
  const store = await openTransfer(shell, await specOf(shell), 'read')
  const leaving = new AbortController()
  let lines = 0
  const exported = exportSession(store, String(session), { signal: leaving.signal })
  const text = Readable.from(withLineEnds(exported, () => lines++))
  const out = shell.flag('out')
  const writing = out === undefined ? pipeline(text, process.stdout, { end: false }) : writeWhole(resolve(out), text)
  // Called before the store closes: a half-written file is removed.
  shell.atEnd(async () => {
    leaving.abort()
    // The command has told why it was interrupted or failed.
    await writing.catch(() => {})
  })
  // Printing to the terminal shows its progress by itself.
  if (out === undefined && shell.output.terminal) return writing
  await ticking(
    shell.output,
    { what: `exporting ${String(session)}`, detail: () => countText(lines, 'lines') },
    writing,
  )
}

async function* withLineEnds(lines: AsyncIterable<string>, passed: () => void): AsyncGenerator<string> {
  for await (const line of lines) {
    passed()
    yield `${line}\n`
  }
}

/** The file appears only when it is complete. */
async function writeWhole(path: string, text: Readable): Promise<void> {
  const part = `${path}.${process.pid}.part`
  try {
    await pipeline(text, createWriteStream(part, { flags: 'wx', mode: 0o600 }))
    await rename(part, path)
  } catch (error) {
    await rm(part, { force: true })
    if (error instanceof MeerkatError || !(error instanceof Error)) throw error
    throw new MeerkatError('store-unavailable', `${path} can't be written: ${error.message}`, { cause: error })
  }
}
