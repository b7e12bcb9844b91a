/** The slice's part of the explorer's key. It leaves out times, and the name of the tool. */
import { mapValues } from '../../persistent-map.ts'
import type { Calls } from './state.ts'

export function callsInWords(calls: Calls): string {
  const open = [...mapValues(calls.open)].map(
    call => `${call.id}/${call.work}/${call.policy}/${call.state}/${call.crashes ?? ''}/${call.passed ?? ''}`,
  )
  return `calls ${open.toSorted().join(' ')} ${calls.unsettled}`
}
