/** The crash matrix in memory, where every time that a cut is come to is played, and on real files. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { memory } from '../../src/store/memory.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import { SITUATIONS, type SituationName } from './matrix.ts'
import { Stage } from './stage.ts'
import { crashMatrix, NAMES } from './suite.ts'

crashMatrix('memory', { most: Number.POSITIVE_INFINITY, fresh: async () => clock => memory({ clock }) })

crashMatrix('sqlite', {
  most: 2,
  parts: 3,
  fresh: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'meerkat-matrix-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    return clock => sqlite(join(folder, 'sessions.db'), { clock })
  },
})

/** An event that tells that a situation is what its name says. */
const SIGNS: Readonly<Record<SituationName, string>> = {
  idle: 'session.opened',
  queued: 'input.withdrawn',
  running: 'run.completed',
  calling: 'tool.completed',
  steering: 'input.steered',
  pending: 'tool.approval-decided',
  cancelling: 'run.cancelled',
  stopping: 'session.phase-changed',
  waiting: 'operation.completed',
  compacting: 'notice compacted',
}

test.each(NAMES)('%s is what its name says', async situation => {
  const stage = new Stage(clock => memory({ clock }))
  await stage.until(SITUATIONS[situation].reach(stage))
  await stage.until(SITUATIONS[situation].goOn(stage))
  const [type = '', code] = SIGNS[situation].split(' ')
  await stage.until(stage.happened(type, 1, code))
  expect(await stage.judge()).toEqual([])
})
