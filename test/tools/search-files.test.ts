/** list_files and search_files: the same answers with ripgrep and without it, bounded, and nothing of what is outside. */
import { execFileSync } from 'node:child_process'
import { chmodSync, symlinkSync, writeFileSync } from 'node:fs'
import { rgPath } from '@vscode/ripgrep'
import { describe, expect, test } from 'vitest'
import { globOf } from '../../src/tools/files/glob.ts'
import { findRipgrep } from '../../src/tools/files/ripgrep.ts'
import { Roots } from '../../src/tools/files/roots.ts'
import { searchFiles } from '../../src/tools/files/search.ts'
import { calling, Tree } from './support.ts'

const WAYS = [
  ['with ripgrep', rgPath],
  ['without it', false],
] as const

const FILES = {
  'a.ts': 'const alpha = 1\nconst beta = 2\n',
  'src/b.ts': 'alpha\r\nALPHA\r\n',
  'src/deep/c.md': '# alpha (x)\n',
  '.hidden/d.ts': 'alpha\n',
  'bin/e': Buffer.from('alpha\0alpha\n'),
  'grün/f.txt': 'grün alpha\n',
}

describe.each(WAYS)('%s', (_, ripgrep) => {
  async function asked(tree: Tree, name: string, args: object) {
    const builtins = { files: { roots: [tree.path], ripgrep } }
    const { told, outcomes } = await calling({ builtins }, { call: name, args })
    return { told: told[0], code: outcomes[0]?.code }
  }
  const list = (tree: Tree, args: object = {}) => asked(tree, 'list_files', args)
  const search = (tree: Tree, args: object) => asked(tree, 'search_files', args)

  test('a folder is listed, with what its entries are', async () => {
    using tree = await Tree.of({ ...FILES, 'a\nb': '' })
    execFileSync('mkfifo', [tree.at('fifo')])
    symlinkSync('/etc', tree.at('out'))
    writeFileSync(Buffer.concat([Buffer.from(`${tree.path}/caf`), Buffer.from([0xe9])]), '')
    expect((await list(tree)).told).toBe(
      [
        '.: 9',
        '.hidden/',
        '"a\\nb"',
        'a.ts',
        'bin/',
        '"caf\\xe9" (the name is not UTF-8: no path can say it)',
        'fifo (no plain file)',
        '"grün"/',
        'out (link)',
        'src/',
      ].join('\n'),
    )
    expect((await list(tree, { path: 'src' })).told).toBe('src: 2\nb.ts\ndeep/')
  })

  test('files below a folder are listed by a glob', async () => {
    using tree = await Tree.of(FILES)
    expect((await list(tree, { glob: '*.ts' })).told).toBe('. with *.ts: 3\n.hidden/d.ts\na.ts\nsrc/b.ts')
    expect((await list(tree, { path: 'src', glob: '**/*.{md,ts}' })).told).toBe(
      'src with **/*.{md,ts}: 2\nsrc/b.ts\nsrc/deep/c.md',
    )
    expect((await list(tree, { glob: '*.py' })).told).toBe('. with *.py: nothing')
    expect((await list(tree, { glob: '!a' })).code).toBe('refused')
  })

  test('lines are found', async () => {
    using tree = await Tree.of(FILES)
    expect((await search(tree, { pattern: String.raw`\balpha\b` })).told).toBe(
      [
        '5 lines in 5 files',
        '.hidden/d.ts\n1\talpha',
        'a.ts\n1\tconst alpha = 1',
        '"grün/f.txt"\n1\tgrün alpha',
        'src/b.ts\n1\talpha',
        'src/deep/c.md\n1\t# alpha (x)',
      ].join('\n'),
    )
    expect((await search(tree, { pattern: 'alpha', path: 'src', ignore_case: true, glob: '*.ts' })).told).toBe(
      '2 lines in 1 files\nsrc/b.ts\n1\talpha\n2\tALPHA',
    )
    expect((await search(tree, { pattern: '(x)', literal: true })).told).toBe(
      '1 lines in 1 files\nsrc/deep/c.md\n1\t# alpha (x)',
    )
    expect((await search(tree, { pattern: 'beta', path: 'a.ts' })).told).toBe(
      '1 lines in 1 files\na.ts\n2\tconst beta = 2',
    )
    expect((await search(tree, { pattern: 'gamma' })).told).toBe('nothing found')
  })

  test('a pattern is no flag and no command, and a wrong one is refused with why', async () => {
    using tree = await Tree.of({ f: '--files $(id) `id` ; a\n' })
    for (const pattern of ['--files', '$(id) `id` ;'])
      expect((await search(tree, { pattern, literal: true })).told).toContain('1 lines in 1 files')
    expect(await search(tree, { pattern: '(' })).toMatchObject({ code: 'refused' })
    expect((await search(tree, { pattern: 'a', path: '--pre=id' })).code).toBe('not-found')
  })

  test('what is cut is said', async () => {
    using tree = await Tree.of({ f: `${'x'.repeat(5000)}\n`.repeat(50) })
    const { told } = await search(tree, { pattern: 'x', lines: 3 })
    expect(told).toMatch(/^3 lines in 1 files; there are more: search for less\nf\n1\tx{300} \[…\]\n/)
    for (let index = 0; index < 1100; index++) writeFileSync(tree.at(`many-${index}`), '')
    expect(String((await list(tree)).told).split('\n', 1)[0]).toBe(
      '.: 1000, cut after 1000: name a folder or a glob that fits less',
    )
    expect(String((await list(tree, { glob: '*' })).told).split('\n')).toHaveLength(1001)
  })

  test('nothing is followed out of the roots', async () => {
    using tree = await Tree.of({ 'out/secret': 'planted\n', 'root/f': '' })
    symlinkSync(tree.at('out'), tree.at('root/link'))
    symlinkSync(tree.at('out/secret'), tree.at('root/file'))
    const builtins = { files: { roots: [tree.at('root')], ripgrep } }
    for (const path of ['.', 'link', '../out', '..', tree.at('out'), 'file', 'link/secret'])
      for (const call of ['list_files', 'search_files']) {
        const { told } = await calling({ builtins }, { call, args: { path, glob: '**', pattern: 'planted' } })
        expect(String(told[0])).not.toMatch(/secret\n|1\t/)
      }
  })

  test('a pattern without an end ends, and what else runs is not held up', async () => {
    using tree = await Tree.of({ a: 'ab\n', b: `${'a'.repeat(40)}!\n`, c: 'ab\n' })
    const signal = new AbortController().signal
    const told = await searchFiles(new Roots([tree.path]), {
      pattern: '^(a+)+b$',
      path: '.',
      literal: false,
      ignoreCase: false,
      most: 10,
      rg: ripgrep === false ? undefined : ripgrep,
      signal,
      limitMs: 1000,
    })
    expect(told).toContain('a\n1\tab')
    if (ripgrep === false) expect(told).toContain('not all was searched, because it took too long')
  })

  test('a search that is cancelled ends', async () => {
    using tree = await Tree.of({ b: `${'a'.repeat(40)}!\n` })
    const searching = searchFiles(new Roots([tree.path]), {
      pattern: '^(a+)+b$',
      path: '.',
      literal: false,
      ignoreCase: false,
      most: 10,
      rg: undefined,
      signal: AbortSignal.timeout(300),
    })
    await expect(searching).rejects.toThrow(/stopped|timeout/)
  })
})

describe('ripgrep', () => {
  test('leaves out what .gitignore names', async () => {
    using tree = await Tree.of({
      '.gitignore': 'out/\n*.log\n',
      'out/a.ts': 'alpha\n',
      'b.log': 'alpha\n',
      'c.ts': 'alpha\n',
    })
    execFileSync('git', ['init', '-q', tree.path])
    const builtins = { files: { roots: [tree.path], ripgrep: rgPath } }
    const { told } = await calling(
      { builtins },
      { call: 'search_files', args: { pattern: 'alpha' } },
      { call: 'list_files', args: { glob: '**' } },
      { call: 'search_files', args: { pattern: 'alpha', glob: '*.log' } },
    )
    expect(told).toEqual(['1 lines in 1 files\nc.ts\n1\talpha', '. with **: 2\n.gitignore\nc.ts', 'nothing found'])
  })

  test('is not looked for where a model may write', async () => {
    using tree = await Tree.of({ 'bin/rg': '#!/bin/sh\necho planted\n' })
    chmodSync(tree.at('bin/rg'), 0o755)
    expect(findRipgrep(new Roots(['/usr']), tree.at('bin'))).toBe(tree.at('bin/rg'))
    expect(findRipgrep(new Roots([tree.path]), `${tree.at('bin')}:.:bin`)).toBeUndefined()
  })

  test('that is none is done without', async () => {
    using tree = await Tree.of({ 'a.ts': 'alpha\n' })
    const builtins = { files: { roots: [tree.path], ripgrep: tree.at('none') } }
    const { told } = await calling({ builtins }, { call: 'search_files', args: { pattern: 'alpha' } })
    expect(told).toEqual(['1 lines in 1 files\na.ts\n1\talpha'])
  })
})

describe('a glob', () => {
  test.each([
    ['*.ts', ['a.ts', 'x/a.ts'], ['a.tsx', 'ts']],
    ['src/*.ts', ['src/a.ts'], ['src/x/a.ts', 'a/src/a.ts']],
    ['src/**/a.ts', ['src/a.ts', 'src/x/a.ts', 'src/x/y/a.ts'], ['src/xa.ts', 'a.ts', 'src/x/ba.ts']],
    ['**/a.ts', ['a.ts', 'x/a.ts'], ['ba.ts', 'x/ba.ts']],
    ['src/**', ['src/a', 'src/a/b'], ['src', 'srca']],
    ['a?c', ['abc', 'a☂c'], ['ac', 'a/c']],
    ['[a-c]x', ['ax', 'cx'], ['dx']],
    ['[!a]x', ['bx'], ['ax']],
    ['{a,b}.{x,y}', ['a.x', 'b.y'], ['c.x']],
    [String.raw`\*x`, ['*x'], ['ax']],
    ['./a', ['a'], ['b']],
  ])('%s', (glob, fit, others) => {
    const fits = globOf(glob)
    expect(fit.filter(path => !fits(path))).toEqual([])
    expect(others.filter(fits)).toEqual([])
  })

  test('takes time by its length, whatever it is', () => {
    const fits = globOf(`${'*a'.repeat(200)}b`)
    expect(fits('a'.repeat(4000))).toBe(false)
    expect(() => globOf('{a,b}'.repeat(20))).toThrow('alternatives')
  })
})
