import { describe, expect, test } from 'vitest'
import { helpText } from '../../src/surfaces/cli/help.ts'
import { type Parsed, parseArgs } from '../../src/surfaces/cli/parse-args.ts'

function called(...words: readonly string[]): {
  readonly name: string
  readonly flags: object
  readonly args: unknown
} {
  const parsed = parseArgs(words)
  if (parsed.type !== 'call') throw new Error(`${words.join(' ')} was read as ${parsed.type}`)
  return { name: parsed.row.name, flags: parsed.flags, args: parsed.args }
}

function helpOf(parsed: Parsed): string | undefined {
  return parsed.type === 'help' ? (parsed.row?.name ?? 'all') : undefined
}

describe('what was typed', () => {
  test.each([
    { form: 'with a space', words: ['--model', 'a/b'] },
    { form: 'with an equals sign', words: ['--model=a/b'] },
    { form: 'short', words: ['-m', 'a/b'] },
    { form: 'short, in one word', words: ['-ma/b'] },
  ])('a value $form', ({ words }) => {
    expect(called('run', 'hi', ...words)).toEqual({ name: 'run', flags: { model: 'a/b' }, args: ['hi'] })
  })

  test('a value may look like a flag, hold an equals sign or be empty', () => {
    expect(called('run', '--system', '--json', '--base-url=http://a/?b=c', '--session=')).toMatchObject({
      flags: { system: '--json', baseUrl: 'http://a/?b=c', session: '' },
    })
    expect(called('approve', 's', '--reason', '--', '--deny')).toMatchObject({ flags: { reason: '--', deny: true } })
  })

  test('flags stand before and behind the arguments, and two dashes end them', () => {
    expect(called('history', '--json', 's', '--limit', '3')).toMatchObject({
      flags: { json: true, limit: '3' },
      args: ['s'],
    })
    expect(called('run', '--json', '--', '--help')).toMatchObject({ flags: { json: true }, args: ['--help'] })
  })

  test('what is on by itself is switched off', () => {
    expect(called('run', '--no-stdin')).toMatchObject({ flags: { stdin: false } })
  })

  test('the last argument may take all that is left; one that may be missing is undefined', () => {
    expect(called('send', 's', 'buy', 'milk', '-1', '-')).toMatchObject({ args: ['s', ['buy', 'milk', '-1', '-']] })
    expect(called('approve', 's')).toMatchObject({ args: ['s', undefined] })
  })

  test.each([
    { words: ['history', '-x', 's'], says: "unknown option '-x': see meerkat history --help" },
    { words: ['history', '--limti=3', 's'], says: "unknown option '--limti' - did you mean --limit?" },
    { words: ['history', '--json=yes', 's'], says: "option '--json' takes no value: see meerkat history --help" },
    { words: ['send', 's'], says: "missing required argument 'text': see meerkat send --help" },
    { words: ['hsitory'], says: "unknown command 'hsitory' - did you mean history?" },
    { words: ['--json', 'run'], says: "unknown option '--json': see meerkat --help" },
  ])('$words is refused', ({ words, says }) => {
    expect(() => parseArgs(words)).toThrow(says)
  })

  test.each([
    { words: [], of: 'all' },
    { words: ['-h'], of: 'all' },
    { words: ['help'], of: 'all' },
    { words: ['help', 'run'], of: 'run' },
    { words: ['run', 'hi', '--help'], of: 'run' },
    { words: ['run', '--system', '--help'], of: undefined },
  ])('help is asked for by $words', ({ words, of }) => {
    expect(helpOf(parseArgs(words))).toBe(of)
  })
})

test('help names every flag, and no line of a list is wider than the terminal', () => {
  const parsed = parseArgs(['help', 'run'])
  const text = helpText(parsed.type === 'help' ? parsed.row : undefined, 80)
  for (const flag of ['-s, --session <id>', '--output-schema <schema>', '--no-stdin', '-h, --help'])
    expect(text).toContain(`\n  ${flag} `)
  for (const line of text.split('\n').filter(one => one.startsWith('  '))) expect(line.length).toBeLessThanOrEqual(80)
})
