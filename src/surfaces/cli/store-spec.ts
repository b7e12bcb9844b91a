/** Parses the setting that names the store. */
import { resolve } from 'node:path'
import { MeerkatError } from '../../errors.ts'
import type { StoreSource } from '../../store/store.ts'
import { usage } from './failure.ts'

export type StoreSpec =
  | { readonly type: 'memory' }
  | { readonly type: 'sqlite'; readonly path: string }
  | { readonly type: 'postgres'; readonly url: string }

/** Parses `sqlite:PATH`, `postgres://…` or `memory:`; `place` is where it was given. */
export function parseStore(spec: string, place = 'the store'): StoreSpec {
  if (spec === 'memory:' || spec === 'memory') return { type: 'memory' }
  if (spec.startsWith('sqlite:') && spec.length > 'sqlite:'.length) {
    return { type: 'sqlite', path: resolve(spec.slice('sqlite:'.length)) }
  }
  if (/^postgres(ql)?:\/\//.test(spec) && URL.canParse(spec)) return { type: 'postgres', url: spec }
  // An address may contain a password.
  const shown = spec.includes('://') ? 'the address that it is' : JSON.stringify(spec)
  throw usage(`${place} must be sqlite:PATH, postgres://USER@HOST/DATABASE or memory:, not ${shown}`)
}

/** The source of a store; loads only the library that it needs. `readOnly` where the store is not to be changed. */
export async function storeOf(spec: StoreSpec, options: { readonly readOnly?: boolean } = {}): Promise<StoreSource> {
  switch (spec.type) {
    case 'memory': {
      const { memory } = await import('../../store/memory.ts')
      return memory()
    }
    case 'sqlite': {
      const { sqlite } = await import('../../store/sqlite/index.ts')
      return sqlite(spec.path, options)
    }
    case 'postgres':
      return postgresAt(spec.url)
  }
}

async function postgresAt(url: string): Promise<StoreSource> {
  try {
    const { postgres } = await import('../../store/postgres/index.ts')
    return postgres(url)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')) throw error
    throw new MeerkatError(
      'unsupported',
      'a PostgreSQL store needs the package `postgres`: install it (npm install postgres)',
      { cause: error },
    )
  }
}
