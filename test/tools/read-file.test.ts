/** read_file: what the model is told of a file, and which files it is told nothing of. */
import { execFileSync } from 'node:child_process'
import { linkSync, renameSync, symlinkSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { Roots } from '../../src/tools/files/roots.ts'
import { calling, Tree } from './support.ts'

async function reading(roots: readonly string[], path: string, more: object = {}) {
  const { told, outcomes } = await calling(
    { builtins: { files: { roots } } },
    { call: 'read_file', args: { path, ...more } },
  )
  return { told: told[0], code: outcomes[0]?.code }
}

/** What is said of a file with this content. */
async function saidOf(content: string | Uint8Array, more: object = {}): Promise<unknown> {
  using tree = await Tree.of({ f: content })
  return (await reading([tree.path], 'f', more)).told
}

const numbered = (count: number): string => Array.from({ length: count }, (_, index) => `line ${index + 1}\n`).join('')

describe('a file', () => {
  test.each([
    ['one\ntwo\n', 'f: lines 1 to 2 of 2 (8 bytes)\n1\tone\n2\ttwo'],
    ['no end', 'f: lines 1 to 1 of 1 (6 bytes)\n1\tno end'],
    ['\n\n', 'f: lines 1 to 2 of 2 (2 bytes)\n1\t\n2\t'],
    ['a\r\nb\r\n', 'f: lines 1 to 2 of 2 (6 bytes; line ends are CRLF)\n1\ta\n2\tb'],
    ['a\r\nb\n', 'f: lines 1 to 2 of 2 (5 bytes; some line ends are CRLF)\n1\ta\n2\tb'],
    ['\uFEFFbom\n', 'f: lines 1 to 1 of 1 (7 bytes)\n1\tbom'],
    ['grün 🦡\n', 'f: lines 1 to 1 of 1 (11 bytes)\n1\tgrün 🦡'],
    ['', 'f is empty'],
  ])('with %j is told by lines', async (content, says) => {
    expect(await saidOf(content)).toBe(says)
  })

  test('is told by a range, and what is left is said', async () => {
    const long = numbered(5000)
    expect(await saidOf(long, { from_line: 3, lines: 2 })).toBe(
      'f: lines 3 to 4 of 5000 (47.7 KiB); read on with from_line 5\n3\tline 3\n4\tline 4',
    )
    const first = String(await saidOf(long))
    expect(first).toContain('lines 1 to 2000 of 5000')
    expect(first).toContain('read on with from_line 2001')
    expect(await saidOf('one\n', { from_line: 7 })).toBe('f has 1 lines, and none from line 7 on')
    expect(await saidOf('one\n', { from_line: null, lines: null })).toContain('1\tone')
  })

  test('is cut where a line or the whole is too long, and nothing is silently left out', async () => {
    expect(await saidOf(`${'x'.repeat(5000)}\nnext\n`)).toContain(
      `${'x'.repeat(2000)} [… 3000 more characters]\n2\tnext`,
    )
    const told = String(await saidOf(`${'y'.repeat(1000)}\n`.repeat(500)))
    expect(told.length).toBeLessThan(110_000)
    expect(told).toMatch(/lines 1 to \d+ of 500 .*read on with from_line/)
  })

  test('of many megabytes is read where it is asked for, without all of it', async () => {
    const huge = Buffer.alloc(40 * 1024 * 1024, 'a line that is repeated\n')
    expect(await saidOf(huge, { lines: 1 })).toBe(
      'f: lines 1 to 1 of more (40.0 MiB); read on with from_line 2\n1\ta line that is repeated',
    )
  })

  test.each([
    [Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0]), 'f is a PNG image of 9 bytes, and no text'],
    [Buffer.from('a\0b'), 'f is a binary file of 3 bytes, and no text'],
    [Buffer.from('\uFEFFzwei\n', 'utf16le'), 'f: lines 1 to 1 of 1 (12 bytes)\n1\tzwei'],
    [
      Buffer.from('caf\xe9\n', 'latin1'),
      'f: lines 1 to 1 of 1 (5 bytes; it is not all UTF-8: what could not be read is shown as �)\n1\tcaf�',
    ],
  ])('that is %o is told for what it is', async (content, says) => {
    expect(await saidOf(content)).toBe(says)
  })
})

describe('a path', () => {
  test('may have line breaks and other signs, and is told with them escaped', async () => {
    using tree = await Tree.of({ 'a\nb "c" ☂': 'here\n' })
    expect((await reading([tree.path], 'a\nb "c" ☂')).told).toBe(
      '"a\\nb \\"c\\" ☂": lines 1 to 1 of 1 (5 bytes)\n1\there',
    )
  })

  test('may be absolute where it is within a root, and within a root that is named by a link', async () => {
    using tree = await Tree.of({ 'real/f': 'here\n' })
    symlinkSync(tree.at('real'), tree.at('link'))
    for (const root of ['real', 'link'])
      for (const path of ['f', tree.at(`${root}/f`), './x/../f', await realpath(tree.at('real/f'))])
        expect((await reading([tree.at(root)], path)).told).toBe('f: lines 1 to 1 of 1 (5 bytes)\n1\there')
  })

  test('may go by a link that stays within the roots', async () => {
    using tree = await Tree.of({ 'a/f': 'here\n', 'b/g': '' })
    symlinkSync('../a/f', tree.at('b/link'))
    symlinkSync(tree.at('a'), tree.at('folder'))
    expect((await reading([tree.path], 'b/link')).told).toContain('here')
    expect((await reading([tree.path], 'folder/f')).told).toContain('here')
    expect((await reading([tree.at('b'), tree.at('a')], 'link')).told).toContain('here')
  })

  test.each([
    '../secret',
    '/etc/passwd',
    'in/../../secret',
    './../secret',
    'root/../../secret',
    '..',
    '/',
    '~/../../secret/',
    '/proc/self/environ',
    '/proc/self/root/etc/passwd',
    '\\..\\secret',
    'link',
    'folder/secret',
    'folder/../secret',
    'up/secret',
    'chain',
    'hop/secret',
  ])('%j does not lead out', async path => {
    using tree = await Tree.of({ secret: 'planted\n', 'root/in/f': '' })
    symlinkSync(tree.at('secret'), tree.at('root/link'))
    symlinkSync(tree.path, tree.at('root/folder'))
    symlinkSync('..', tree.at('root/up'))
    symlinkSync('link', tree.at('root/chain'))
    symlinkSync('in/../folder', tree.at('root/hop'))
    const { told, code } = await reading([tree.at('root')], path)
    expect(['refused', 'not-found']).toContain(code)
    expect(JSON.stringify(told)).not.toContain('planted')
    expect(JSON.stringify(told)).not.toContain('root:')
  })

  test('that is outside tells nothing of what is there', async () => {
    using tree = await Tree.of({ secret: '', 'root/f': '' })
    const [there, missing] = [
      await reading([tree.at('root')], '../secret'),
      await reading([tree.at('root')], '../gone'),
    ]
    expect(String(there.told).replace('secret', 'gone')).toBe(missing.told)
    expect(there.code).toBe('refused')
  })

  test.each(['a\0b', '\ud800', 'x'.repeat(5000), '', 5, null, {}])('%j is none', async path => {
    using tree = await Tree.of({ f: '' })
    const { code } = await reading([tree.path], path as string)
    expect(['refused', 'invalid-arguments', 'not-found']).toContain(code)
  })

  test.each([
    ['nothing', 'not-found', 'there is no nothing'],
    ['f/g', 'refused', 'should be a folder'],
    ['.', 'refused', 'is a folder'],
    ['fifo', 'refused', 'a device, a pipe or a socket'],
    ['loop', 'refused', 'lead nowhere'],
    ['dangling', 'not-found', 'there is no dangling'],
    ['n'.repeat(300), 'refused', 'too long'],
  ])('%s is answered %s', async (path, code, says) => {
    using tree = await Tree.of({ f: '' })
    execFileSync('mkfifo', [tree.at('fifo')])
    symlinkSync('loop', tree.at('loop'))
    symlinkSync('nowhere', tree.at('dangling'))
    expect(await reading([tree.path], path)).toEqual({ code, told: expect.stringContaining(says) as string })
  })

  test.skipIf(process.platform !== 'linux')(
    'into the views of the kernel is refused, also with a root above them',
    async () => {
      for (const path of ['/proc/self/environ', '/proc/self/mem', '/dev/zero', '/dev/stdin'])
        expect(['refused', 'not-found']).toContain((await reading(['/'], path)).code)
    },
  )

  test('to a file with two names is read: a hard link has the permissions of the file', async () => {
    using tree = await Tree.of({ secret: 'linked\n', 'root/f': '' })
    linkSync(tree.at('secret'), tree.at('root/hard'))
    expect((await reading([tree.at('root')], 'hard')).told).toContain('linked')
  })
})

describe('a folder that is replaced by a link', () => {
  test.skipIf(process.platform !== 'linux')('after it was found leads nowhere else', async () => {
    using tree = await Tree.of({ 'root/in/f': 'inside\n', 'out/f': 'planted\n' })
    const roots = new Roots([tree.at('root')])
    const folder = await roots.folder('in')
    renameSync(tree.at('root/in'), tree.at('moved'))
    symlinkSync(tree.at('out'), tree.at('root/in'))
    // The opened folder is still the first one.
    expect(await realpath(folder.at('f'))).toBe(await realpath(tree.at('moved/f')))
    await folder.close()
    await expect(roots.file('in/f')).rejects.toThrow('leads out')
  })

  test('again and again while files are read gives nothing of the other folder', async () => {
    using tree = await Tree.of({ 'root/in/f': 'inside\n', 'out/f': 'planted\n' })
    symlinkSync(tree.at('out'), tree.at('link'))
    const roots = new Roots([tree.at('root')])
    const seen = new Set<string>()
    const over = new AbortController()
    const swapping = (async () => {
      while (!over.signal.aborted) {
        renameSync(tree.at('root/in'), tree.at('kept'))
        renameSync(tree.at('link'), tree.at('root/in'))
        await new Promise(setImmediate)
        renameSync(tree.at('root/in'), tree.at('link'))
        renameSync(tree.at('kept'), tree.at('root/in'))
        await new Promise(setImmediate)
      }
    })()
    for (let round = 0; round < 400; round++) {
      try {
        const { handle } = await roots.file('in/f')
        seen.add(await handle.readFile('utf8'))
        await handle.close()
      } catch {
        seen.add('refused')
      }
    }
    over.abort()
    await swapping
    expect(seen).not.toContain('planted\n')
    expect(seen).toContain('inside\n')
  })

  test('where it was a root, is the folder that it was', async () => {
    using tree = await Tree.of({ 'root/f': 'inside\n', 'out/f': 'planted\n' })
    const roots = new Roots([tree.at('root')])
    renameSync(tree.at('root'), tree.at('moved'))
    symlinkSync(tree.at('out'), tree.at('root'))
    await expect(roots.file('f')).rejects.toThrow('leads out')
  })
})
