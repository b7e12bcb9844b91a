/** The slice's part of the explorer's key. It leaves out slot numbers beyond their order, times, and `unreported`. */
import { mapValues } from '../../persistent-map.ts'
import { inOrder } from '../lane.ts'
import type { Ledger, LedgerEntry } from './state.ts'

export function ledgerInWords(ledger: Ledger): string {
  const entries = [...mapValues(ledger.entries)].map(entryInWords).toSorted()
  return `ledger ${entries.join(' ')} | ${[...inOrder(ledger.queue)].join()} | ${[...inOrder(ledger.steer)].join()} | ${ledger.waking}`
}

export function entryInWords(entry: LedgerEntry): string {
  const { id, kind, lane, wake, attempts, supersessionKey = '', carries, status } = entry
  const { progressed = false, silent = false, ephemeral = false } = entry
  const marks = [progressed, silent, ephemeral].join('+')
  const place = status === 'carried' ? entry.carrier : status === 'queued' ? '' : entry.runId
  return [id, kind, lane, wake, attempts, supersessionKey, carries.join('+'), marks, status, place].join('/')
}
