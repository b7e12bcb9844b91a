/** The store that a setting names. */
import { resolve } from 'node:path'
import { MeerkatError } from '../../errors.ts'
import type { StoreSource } from '../../store/store.ts'
import { usage } from './failure.ts'

export type StoreSpec = { readonly type: 'memory' } | { readonly type: 'sqlite'; readonly path: string }

/** Reads `sqlite:PATH` or `memory:`. */
export function parseStore(spec: string): StoreSpec {
  if (spec === 'memory:' || spec === 'memory') return { type: 'memory' }
  if (spec.startsWith('sqlite:') && spec.length > 'sqlite:'.length) {
    return { type: 'sqlite', path: resolve(spec.slice('sqlite:'.length)) }
  }
  if (/^postgres(ql)?:/.test(spec)) {
    throw new MeerkatError(
      'unsupported',
      'PostgreSQL is not in this release: use --store sqlite:PATH or --store memory:',
    )
  }
  throw usage(`the store ${JSON.stringify(spec)} is not known: use sqlite:PATH or memory:`)
}

/** The store behind a spec; only the library that it needs is loaded. */
export async function storeOf(spec: StoreSpec): Promise<StoreSource> {
  if (spec.type === 'memory') {
    const { memory } = await import('../../store/memory.ts')
    return memory()
  }
  const { sqlite } = await import('../../store/sqlite/index.ts')
  return sqlite(spec.path)
}
