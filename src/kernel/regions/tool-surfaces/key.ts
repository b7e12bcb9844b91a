/** The slice's part of the explorer's key. It leaves out sequences and epochs, only compared with present ones, and times. */
import { mapValues } from '../../persistent-map.ts'
import type { Surface, ToolSurfaces } from './state.ts'

export function toolSurfacesInWords({ phase, surfaces }: ToolSurfaces): string {
  const all = [...mapValues(surfaces)].map(surfaceInWords).toSorted()
  return `toolSurfaces ${phase} ${all.join(' ')}`
}

function surfaceInWords({ id, base, retiring, staged, pending }: Surface): string {
  const calls = 'serving' in base ? base.serving.inflight : ''
  const others = retiring.map(({ inflight }) => inflight).join('+')
  return [id, base.state, calls, others, staged?.operation, pending?.operation].join('/')
}
