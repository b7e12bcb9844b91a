/** What a command loads on its way to the first answer. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { BUILT, Folder } from './command.ts'

const NOTES_WHAT_IS_LOADED = `
import { writeFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
const urls = []
registerHooks({ load: (url, context, next) => (urls.push(url), next(url, context)) })
process.on('exit', () => writeFileSync('loaded', urls.join('\\n')))
`

test.each([['run', '--model', 'demo/agent', '--session', 's', 'say hello'], ['history', 's'], ['sessions']])(
  '%s loads no schemas: to load them takes longer than a turn takes to run',
  async (...args) => {
    using folder = new Folder()
    const hook = join(folder.path, 'hook.mjs')
    writeFileSync(hook, NOTES_WHAT_IS_LOADED)
    await folder.start(['run', '--model', 'demo/agent', '--session', 's', 'say hello'], { main: BUILT }).ended
    const NODE_OPTIONS = `--import ${pathToFileURL(hook).href}`
    const ended = await folder.start(args, { main: BUILT, env: { NODE_OPTIONS } }).ended
    expect(ended).toMatchObject({ status: 0, stdout: expect.stringMatching(/hello|s /) as string })
    const loaded = readFileSync(join(folder.path, 'loaded'), 'utf8').split('\n')
    expect(loaded.filter(url => url.includes('/node_modules/zod/'))).toEqual([])
    expect(loaded.length).toBeLessThan(40)
  },
)
