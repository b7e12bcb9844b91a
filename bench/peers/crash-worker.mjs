/** Takes up what a killed process left, then asks for turns until it is killed itself, or all are answered. */
import { appendFileSync, closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { ADAPTERS } from './adapters.mjs'

const { peer, context, effects, accepted, unknown, fresh } = JSON.parse(process.argv[2])
appendFileSync(effects, '')
const file = openSync(effects, 'a')
const effect = async id => {
  writeSync(file, `${id}\n`)
  fsyncSync(file)
}
const say = line => writeSync(1, `${line}\n`)
const sessionOf = id => id.split('/')[0]
const adapter = await ADAPTERS[peer]({ ...context, effect })
say('ready')

async function turn(id, isAccepted) {
  if (!isAccepted && adapter.accept !== undefined) {
    await adapter.accept(sessionOf(id), id, 'hello')
    say(`accepted ${id}`)
  }
  const answer = await adapter.answer(sessionOf(id), id, 'hello')
  say(answer === undefined || answer === null ? `failed ${id}` : `answered ${id}`)
}

const bySession = Map.groupBy([...accepted.map(id => [id, true]), ...unknown.map(id => [id, false])], ([id]) =>
  sessionOf(id),
)
await Promise.all(
  Object.entries(fresh).map(async ([session, ids]) => {
    for (const [id, isAccepted] of bySession.get(session) ?? []) await turn(id, isAccepted)
    for (const id of ids) {
      say(`asked ${id}`)
      await turn(id, false)
    }
  }),
)
say('done')
closeSync(file)
process.exit(0)
