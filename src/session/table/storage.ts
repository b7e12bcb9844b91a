/** Rows for what is stored, and for how long. */
import { blobView } from '../blobs.ts'
import { summaryOf } from '../reads.ts'
import type { Reader } from './row.ts'

export const storageRows = {
  'store/prune': {
    needs: 'reader',
    async run({ store, pruner, retention }, { dryRun = false, compact = false, ...policy }) {
      const isNamed = Object.keys(policy).length > 0
      const report = await pruner.all(isNamed ? policy : retention, dryRun)
      if (compact && !dryRun) await store.compact()
      return report
    },
  } satisfies Reader<'store/prune'>,
  'blob/get': {
    needs: 'reader',
    run: async ({ store }, { sessionId, digest }) => blobView(store, (await summaryOf(store, sessionId)).id, digest),
  } satisfies Reader<'blob/get'>,
}
