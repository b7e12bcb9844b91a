/** What comes of each input in each phase of a region. */
import { type MeerkatInput, step } from 'meerkat-ts/kernel'
import { busy, type Outcome } from './model-sessions.ts'

/** A session with a run whose turn asks the model, in each phase that the given inputs lead to. */
export function outcomesAfter<Phase extends string, Type extends string>(
  ways: Record<Phase, readonly MeerkatInput[]>,
  inputs: Record<Type, MeerkatInput>,
): Record<Phase, Record<Type, Outcome>> {
  const rows = (Object.keys(ways) as Phase[]).map(phase => {
    const { state } = busy(...ways[phase])
    const cells = (Object.keys(inputs) as Type[]).map(type => {
      const result = step(state, inputs[type])
      return [type, result.ok ? 'taken' : result.kind]
    })
    return [phase, Object.fromEntries(cells) as Record<Type, Outcome>] as const
  })
  return Object.fromEntries(rows) as Record<Phase, Record<Type, Outcome>>
}
