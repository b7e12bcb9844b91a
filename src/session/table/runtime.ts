/** Rows for the runtime as a whole. */
import { healthOf } from '../health.ts'
import { infoOf } from '../queries.ts'
import type { Reader } from './row.ts'

export const runtimeRows = {
  'runtime/info': { needs: 'reader', run: core => infoOf(core) } satisfies Reader<'runtime/info'>,
  'runtime/health': { needs: 'reader', run: core => healthOf(core) } satisfies Reader<'runtime/health'>,
}
