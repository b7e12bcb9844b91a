/** Databases from before the kernel knew of models: a session whose options name one has it, from its next turn on. */
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { createRuntime } from '../../src/index.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import { modelsById } from '../session/support-models.ts'

const GOLDEN = readdirSync(import.meta.dirname).filter(name => name.endsWith('.db'))

/** A copy in which a session was opened with a model, as that release wrote it. */
function withModel(name: string, sessionId: string, model: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'meerkat-golden-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, name)
  copyFileSync(join(import.meta.dirname, name), path)
  const db = new DatabaseSync(path)
  const row = db.prepare('SELECT body FROM sessions WHERE id = ?').get(sessionId)
  const session = JSON.parse(String(row?.['body'])) as { options: object }
  const body = JSON.stringify({ ...session, options: { ...session.options, model } })
  db.prepare('UPDATE sessions SET body = ?, crc = ? WHERE id = ?').run(body, crc32(body), sessionId)
  db.close()
  return path
}

test.each(GOLDEN)('%s', async name => {
  const { executor, asked } = modelsById()
  const path = withModel(name, 'answered', 'm/own')
  const runtime = await createRuntime({ store: sqlite(path), executor, recover: false })
  onTestFinished(() => runtime.close())
  const before = await runtime.get('answered')
  expect(before).toMatchObject({ model: 'm/own' })
  const sent = await runtime.send('answered', { content: 'hi', waitMs: 10_000 })
  expect(sent.result).toMatchObject({ text: 'm/own' })
  expect(asked).toEqual(['m/own'])
  expect(await runtime.model('answered')).toMatchObject({ source: 'baseline', own: 'm/own' })
  expect(await runtime.get('answered')).toMatchObject({ model: 'm/own', revision: before.revision })
  expect(await runtime.audit('answered')).toMatchObject({ ok: true })
})
