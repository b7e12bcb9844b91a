/** The slice's part of the explorer's key. It leaves out what the ledger's key leaves out. */
import { mapValues } from '../../persistent-map.ts'
import { inOrder } from '../lane.ts'
import { entryInWords } from '../ledger/key.ts'
import type { Endings } from './state.ts'

export function endingsInWords({ groups }: Endings): string {
  const all = groups.map(({ reason, entries, queue, steer }) => {
    const inputs = mapValues(entries).map(entryInWords).toSorted()
    return `${reason} ${inputs.join(' ')} | ${[...inOrder(queue)].join()} | ${[...inOrder(steer)].join()}`
  })
  return `endings ${all.join(' || ')}`
}
