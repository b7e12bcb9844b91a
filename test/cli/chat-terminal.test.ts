// A chat as a person has it: in a terminal, typing, pasting, steering.
import { describe, expect, test } from 'vitest'
import { Folder, jsonLines } from './command.ts'
import { noTerminal, Terminal } from './terminal.ts'

const chat = ['chat', '--model', 'demo/agent', '--session', 's']
const PROMPT = '› '

async function inputs(folder: Folder): Promise<unknown> {
  const { stdout } = await folder.run('op', 'input/list', '{"sessionId":"s"}', '--json')
  return jsonLines(stdout)[0]?.['inputs']
}

describe.skipIf(noTerminal !== undefined)('a chat in a terminal', () => {
  test.for([
    ['marked by the terminal', '\u001b[200~first\nsecond\nthird\u001b[201~\r'],
    ['unmarked', 'first\rsecond\rthird\r'],
  ])('pasted lines, %s, are one input', async ([, pasted = '']) => {
    using folder = new Folder()
    using terminal = new Terminal(folder, chat)
    await terminal.shows(PROMPT)
    terminal.type(pasted)
    const at = await terminal.shows('You said: first')
    await terminal.shows(PROMPT, at)
    terminal.type('/quit\r')
    await terminal.ended()
    expect(await inputs(folder)).toMatchObject([{ content: 'first\nsecond\nthird', status: 'consumed' }])
  })

  test('three quick lines against a server are answered, and the prompt is back at once', async () => {
    using folder = new Folder()
    const server = folder.start(['serve', '--model', 'demo/agent', '--port', '0'])
    const url = await server.shows(/on (http:\S+)/)
    using terminal = new Terminal(folder, [...chat, '--url', url])
    let at = await terminal.shows(PROMPT)
    for (const word of ['one', 'two', 'three']) {
      terminal.type(`say ${word}\r`)
      at = await terminal.shows(`say ${word}`, at)
    }
    const events = folder.start(['events', 's', '--follow'])
    await events.shows(/(?:consumed[^]*){3}/)
    events.kill('SIGTERM')
    // Each has ended, whether it was a turn or joined one: the prompt stands again when the next line is answered.
    terminal.type('/explain\r')
    at = await terminal.shows('is idle and takes inputs', at)
    await terminal.shows(PROMPT, at)
    terminal.type('/quit\r')
    expect(await terminal.ended()).toBe(0)
    expect(await inputs(folder)).toMatchObject([{ status: 'consumed' }, { status: 'consumed' }, { status: 'consumed' }])
    server.kill('SIGTERM')
    await server.ended
  })

  test('what comes while a line is typed is held back, and keeps its style', async () => {
    using folder = new Folder()
    using terminal = new Terminal(folder, chat)
    await terminal.shows(PROMPT)
    terminal.type('take 3 steps and say finished\r')
    const at = await terminal.shows('step')
    terminal.type('wait')
    await terminal.shows('wait', at)
    const events = folder.start(['events', 's', '--follow'])
    await events.shows('input.consumed')
    events.kill('SIGTERM')
    terminal.type('\r')
    await terminal.shows('You said: wait', at)
    // Each escape is one that the terminal reads: none was stripped of its first character.
    expect(terminal.screen.replaceAll('\u001b[', '')).not.toMatch(/\[\d+m/)
  })

  test('Ctrl-C in the place of a decision cancels what waits for it', async () => {
    using folder = new Folder()
    using terminal = new Terminal(folder, ['run', '--model', 'demo/agent', '--session', 's', 'transfer 5 to bob'])
    await terminal.shows('run it? [y/N]')
    terminal.type('\u0003')
    await terminal.shows('cancelled: nothing more is done for it')
    expect(await terminal.ended()).toBe(130)
    expect(await inputs(folder)).toMatchObject([{ status: 'withdrawn' }])
  })
})
