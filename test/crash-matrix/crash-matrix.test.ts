/**
 * Every place at which a process can end, in every situation a session can be in, on every store. Afterwards every
 * accepted input has ended once, sends that are repeated are known, receipts have no gaps, and no tool took effect more
 * often than its policy allows.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { memory } from '../../src/store/memory.ts'
import { postgres } from '../../src/store/postgres/index.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import type { StoreSource } from '../../src/store/store.ts'
import type { Clock } from '../../src/time.ts'
import { freshSchema, postgresServer } from '../support/postgres.ts'
import { CUTS, playCell, SITUATIONS, type SituationName } from './matrix.ts'
import { Stage } from './stage.ts'

const NAMES = Object.keys(SITUATIONS) as SituationName[]

/** Cuts that nothing comes to, with the reason. Whatever else is not come to fails the test, and so does what is. */
const UNREACHED: Readonly<Record<SituationName | 'anywhere', Readonly<Record<string, string>>>> = (() => {
  const opened = { 'before create': 'the session is open already', 'after create': 'the session is open already' }
  return {
    anywhere: {
      'before amend': 'a runtime does not amend by itself',
      'after amend': 'a runtime does not amend by itself',
    },
    idle: {},
    queued: opened,
    running: opened,
    calling: opened,
    steering: opened,
    cancelling: opened,
    stopping: opened,
    compacting: opened,
  }
})()

/** An event that tells that a situation is what its name says. */
const SIGNS: Readonly<Record<SituationName, string>> = {
  idle: 'session.opened',
  queued: 'input.withdrawn',
  running: 'run.completed',
  calling: 'tool.completed',
  steering: 'input.steered',
  cancelling: 'run.cancelled',
  stopping: 'session.phase-changed',
  compacting: 'notice',
}

/** Each with how many of the times that a cut is come to are played; the expensive ones play the first ones. */
const STORES: Readonly<
  Record<string, { readonly most: number; readonly fresh: () => Promise<(clock: Clock) => StoreSource> }>
> = {
  memory: { most: Number.POSITIVE_INFINITY, fresh: async () => clock => memory({ clock }) },
  sqlite: {
    most: 2,
    fresh: async () => {
      const folder = mkdtempSync(join(tmpdir(), 'meerkat-matrix-'))
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
      return clock => sqlite(join(folder, 'sessions.db'), { clock })
    },
  },
  postgres: {
    most: 1,
    fresh: async () => {
      const server = await postgresServer()
      const source = postgres(server.url(), { schema: freshSchema(), max: 2 })
      return () => source
    },
  },
}

describe.each(Object.entries(STORES))('a process that ends (%s)', (_, { most, fresh }) => {
  test.each(NAMES)('%s: at any place', { timeout: 240_000 }, async situation => {
    const store = await fresh()
    const unreached: string[] = []
    const wrong: string[] = []
    for (const cut of CUTS) {
      const { crashes, violations } = await playCell(store, situation, cut, most)
      if (crashes === 0) unreached.push(cut)
      wrong.push(...violations.map(({ crossing, rule, text }) => `${cut}, time ${crossing}: ${rule}: ${text}`))
    }
    expect(wrong).toEqual([])
    expect(unreached.toSorted()).toEqual(
      [...Object.keys(UNREACHED.anywhere), ...Object.keys(UNREACHED[situation])].toSorted(),
    )
  })
})

test.each(NAMES)('%s is what its name says', async situation => {
  const stage = new Stage(clock => memory({ clock }))
  await stage.until(SITUATIONS[situation].reach(stage))
  await stage.until(SITUATIONS[situation].goOn(stage))
  await stage.until(stage.happened(SIGNS[situation]))
  expect(await stage.judge()).toEqual([])
})
