/** For `npm run sim -- --with`: a store that loses the outcome of every third input. */
import type { Commit } from '../../src/store/store.ts'
import type { SimulationOptions } from '../../src/testing/index.ts'
import { broken } from './broken.ts'

export const options: Omit<SimulationOptions, 'seed'> = {
  // Counted for each process, so that a replay loses the same ones.
  sabotage: store => {
    let ends = 0
    return broken(inner => ({
      commit: async (commit: Commit) => {
        const { ended, ...record } = commit.record
        return inner.commit(ended !== undefined && ++ends % 3 === 0 ? { ...commit, record } : commit)
      },
    }))(store)
  },
}
