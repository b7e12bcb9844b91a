/** What earlier releases wrote can be exported, and its export is taken: imports are checked, but not for their age. */
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { exportSession } from '../../src/session/transfer/export.ts'
import { importSession } from '../../src/session/transfer/import.ts'
import { memory } from '../../src/store/memory.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'

const FOLDER = new URL('./', import.meta.url)

test.each(readdirSync(FOLDER).filter(file => file.endsWith('.db')))('every session of %s', async file => {
  const folder = mkdtempSync(join(tmpdir(), 'meerkat-golden-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  copyFileSync(new URL(file, FOLDER), join(folder, file))
  const [from, to] = [await sqlite(join(folder, file)).open(), await memory().open()]
  const sessions = await from.sessions({ limit: 1_000 })
  expect(sessions.length).toBeGreaterThan(0)
  for (const { id, messages, unfinished } of sessions) {
    const imported = await importSession(to, exportSession(from, id), { owner: 'importer' })
    expect(imported).toMatchObject({ sessionId: id, messages, unfinished })
  }
  await Promise.all([from.close(), to.close()])
})
