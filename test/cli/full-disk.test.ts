/** A disk that fills while a run is under way: the command ends, says why, and what it had is gone on with later. */
import { writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Folder } from './command.ts'

const TALKATIVE = `
  const said = 'y'.repeat(20_000)
  const apply = async port => {
    if (port.journal().length > 1) return goOn(port)
    for (let turn = 1; turn <= 30; turn++) {
      const callId = 'c' + turn
      await port.intend({
        turn,
        message: { role: 'assistant', content: [{ type: 'tool-call', callId, name: 'read', args: {} }] },
        calls: [{ callId, tool: 'read', policy: 'retry' }],
      })
      await port.outcomes([{ callId, name: 'read', ok: true, output: said }])
      await port.boundary({ turn })
    }
    return { type: 'completed', message: { role: 'assistant', content: 'read it all' } }
  }
  const goOn = async port => {
    for (const { id } of port.calls().filter(({ state }) => state === 'owed')) {
      await port.dispatch([id])
      await port.outcomes([{ callId: id, name: 'read', ok: true, output: 'all' }])
    }
    await port.boundary({ turn: 1 })
    return { type: 'completed', message: { role: 'assistant', content: 'read it all' } }
  }
  export default { executor: { name: 'talkative', apply }, storePatienceMs: 500 }
`

test('a run whose disk is full ends with the status of a store that takes nothing', { timeout: 30_000 }, async () => {
  using folder = new Folder()
  writeFileSync(folder.file('meerkat.config.js'), TALKATIVE)
  const args = ['run', '--store', 'sqlite:a.db', '--session']
  const { status, stderr } = await folder.start([...args, 's', 'go'], { fileBlocks: 800 }).ended
  expect(stderr).toMatch(/^meerkat: the store takes nothing now.*\nmeerkat: .*nothing was written.*go on with.*\n$/)
  expect(status).toBe(8)
  const again = await folder.run(...args, 's')
  expect(again).toMatchObject({ status: 0, stdout: expect.stringContaining('read it all') as unknown })
})
