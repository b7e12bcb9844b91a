/** `meerkat import`: a session from its export, completely or not at all. */

import { randomUUID } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { defined } from '../../../defined.ts'
import { MeerkatError } from '../../../errors.ts'
import { importSession } from '../../../session/transfer/import.ts'
import { linesIn } from '../../../session/transfer/lines.ts'
import { tellWhoWaits } from '../prompt.ts'
import type { Shell } from '../shell.ts'
import { countText, ticking } from '../ticker.ts'
import { openTransfer, specOf } from './transfer-stores.ts'

export async function importCommand(shell: Shell, [file]: readonly unknown[]): Promise<void> {
  const lines = typeof file === 'string' ? linesOf(shell, await openFile(file)) : linesOfStdin(shell)
  const store = await openTransfer(shell, await specOf(shell), 'write')
  const as = shell.flag('as')
  let [read, isWhole] = [0, false]
  const passing = async function* (): AsyncGenerator<string, void> {
    for await (const line of lines) {
      read++
      yield line
    }
    isWhole = true
  }
  const importing = importSession(store, passing(), { owner: randomUUID(), ...defined({ as }) })
  // Until all lines are read, nothing is written. A write that is interrupted is removed by the next import.
  shell.atEnd(async () => {
    if (isWhole) await importing.catch(() => {})
  })
  const detail = (): string => `${countText(read, 'lines')} ${isWhole ? 'are sound and being written' : 'checked'}`
  const imported = await ticking(shell.output, { what: 'importing', detail }, importing)
  if (shell.output.json) return shell.output.object({ type: 'imported', ...imported })
  const { sessionId, records, messages, unfinished } = imported
  shell.output.line(`${sessionId} (${records} records, ${messages} messages, ${unfinished} unfinished)`)
}

async function openFile(file: string): Promise<FileHandle> {
  const path = resolve(file)
  try {
    return await open(path)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new MeerkatError('invalid-params', `${path} can't be read: ${why}`, { cause: error })
  }
}

function linesOf(shell: Shell, handle: FileHandle): AsyncIterable<string> {
  shell.atEnd(() => handle.close())
  return linesIn(handle.createReadStream({ autoClose: false }))
}

async function* linesOfStdin(shell: Shell): AsyncGenerator<string, void, void> {
  const told = tellWhoWaits(shell.output)
  try {
    const chunks: AsyncIterable<Uint8Array> = process.stdin
    yield* linesIn(chunks)
  } finally {
    told()
  }
}
