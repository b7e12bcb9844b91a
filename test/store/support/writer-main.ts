/**
 * A process that writes sessions until it ends, or is ended. Prints a line `SESSION AT POSITION` for each answered
 * commit, synchronously, so that what it printed is what it was told. Its plan comes as JSON in the first argument.
 */
import { writeSync } from 'node:fs'
import { openNodeSqlite } from '../../../src/store/sqlite/driver.ts'
import { type OpenSqlDriver, sqlite } from '../../../src/store/sqlite/index.ts'
import { commit, create } from '../../../src/testing/store-contract/kit.ts'

export interface WriterPlan {
  readonly path: string
  readonly owner: string
  readonly sessions: readonly string[]
  /** Commits of each session after the one that creates it. */
  readonly commits: number
  /** Ends the process by SIGKILL at this point of the flush with this number. */
  readonly crash?: { readonly point: 'beforeCommit' | 'afterCommit'; readonly flush: number }
  /** Pages in the -wal file after which each commit also writes them into the database. */
  readonly checkpointPages?: number
  /** Stay with the sessions claimed, until standard input ends. */
  readonly stay?: boolean
}

const say = (line: string): void => void writeSync(1, `${line}\n`)

function crashing(crash: WriterPlan['crash']): Partial<Record<'beforeCommit' | 'afterCommit', () => void>> {
  if (crash === undefined) return {}
  let flush = 0
  return {
    [crash.point]: () => {
      flush += 1
      if (flush === crash.flush) process.kill(process.pid, 'SIGKILL')
    },
  }
}

function checkpointing(pages: number | undefined): OpenSqlDriver {
  return (path, options) => {
    const db = openNodeSqlite(path, options)
    if (pages !== undefined) db.exec(`PRAGMA wal_autocheckpoint = ${pages}`)
    return db
  }
}

async function main(plan: WriterPlan): Promise<void> {
  const driver = checkpointing(plan.checkpointPages)
  const store = await sqlite(plan.path, { faults: crashing(plan.crash), driver }).open()
  await Promise.all(
    plan.sessions.map(async id => {
      const { claim, position } = await create(store, id, { owner: plan.owner })
      say(`${id} 1 ${position}`)
      for (let at = 2; at < plan.commits + 2; at += 1) say(`${id} ${at} ${await store.commit(commit(claim, at))}`)
    }),
  )
  say('done')
  if (plan.stay === true) for await (const _ of process.stdin) continue
  await store.close()
}

await main(JSON.parse(process.argv[2] ?? '') as WriterPlan)
