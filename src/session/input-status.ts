import type { InputStatus } from './views.ts'

/** Whether an input of this status has not ended. */
export function isOpen(status: InputStatus): boolean {
  return status === 'queued' || status === 'staged' || status === 'applied'
}
