/** Every door stands in the doors suite: a new export, surface or seam joins it or says why not. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>
}

/** Which file of this folder tries an entry of the package, or why none does. */
const TRIED: Readonly<Record<string, string>> = {
  '.': 'library.test.ts, code.test.ts, orders.test.ts; options of this and every other entry: options.test.ts',
  './runtime': 'machine.test.ts; what processes share: shared.test.ts',
  './agent': 'code.test.ts, provider.test.ts; hostile tools one by one in test/executor',
  './store/memory': 'code.test.ts, options.test.ts, and the store contract',
  './store/sqlite': 'options.test.ts, and the store contract',
  './store/postgres': 'options.test.ts, and the store contract',
  './client': 'options.test.ts; surfaces.test.ts: what it carries is checked by the server',
  './server': 'options.test.ts, server-options.test.ts, surfaces.test.ts',
  './kernel': 'options.test.ts, with facts.ts; the explorer walks the machine',
  './telemetry': 'options.test.ts; code.test.ts, as an observer',
  './testing': 'options.test.ts',
  './package.json': 'data',
}

test('every entry of the package is tried by this suite, or says why not', () => {
  const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest
  expect(Object.keys(exports).filter(entry => TRIED[entry] === undefined)).toEqual([])
})

test('what this suite says it tries, it has', () => {
  const files = Object.values(TRIED).flatMap(text => text.match(/[a-z-]+\.test\.ts/g) ?? [])
  for (const file of new Set(files)) expect(() => readFileSync(join(import.meta.dirname, file))).not.toThrow()
})
