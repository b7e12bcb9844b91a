import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, expectTypeOf, test } from 'vitest'
import { eventDocs } from '../../scripts/event-docs.ts'
import { EVENTS } from '../../src/events.ts'
import type { EventView } from '../../src/index.ts'
import { FINAL_INPUT_EVENTS } from '../../src/input-events.ts'

const file: string = join(import.meta.dirname, '..', '..', 'docs', 'events.md')

test('docs/events.md is what the table says', () => {
  expect(readFileSync(file, 'utf8')).toBe(eventDocs())
})

test('every type stands in it, and the final ones are marked', () => {
  const docs = eventDocs()
  for (const type of Object.keys(EVENTS)) expect(docs).toContain(`| \`${type}\``)
  for (const type of FINAL_INPUT_EVENTS) expect(docs).toContain(`| \`${type}\` **final**`)
})

test('a program that branches on the type knows the fields', () => {
  const read = (event: EventView): string | undefined => {
    if (event.type === 'text.delta') {
      expectTypeOf(event.text).toEqualTypeOf<string>()
      expectTypeOf(event.turn).toEqualTypeOf<number>()
      return event.text
    }
    if (event.type === 'input.abandoned') expectTypeOf(event.reason).toEqualTypeOf<string>()
    if (event.type === 'run.interrupted') expectTypeOf(event.cause).toEqualTypeOf<string | undefined>()
    return undefined
  }
  expect(read({ type: 'text.delta', text: 'a', turn: 1 } as EventView)).toBe('a')
})
