// Performs one task after another for scripts/mutate.ts: exploring and testing mutants takes a whole core.
import { configurations } from '../../src/kernel/check/configurations.ts'
import { type Mutant, mutantsOf } from '../../src/kernel/check/mutate.ts'
import { exploreMutant, type Finding, type Scan, scan } from '../../src/kernel/check/mutate-scan.ts'
import { failingTest } from './unit-tests.ts'

export type Task =
  | { readonly kind: 'scan'; readonly configuration: string; readonly ids: readonly string[] }
  | { readonly kind: 'explore'; readonly configuration: string; readonly id: string; readonly mostStates: number }
  | { readonly kind: 'test'; readonly id: string }

export type Answer =
  | { readonly kind: 'scan'; readonly scan: Scan }
  | { readonly kind: 'explore'; readonly finding: Finding }
  | { readonly kind: 'test'; readonly failing: string | undefined }

const worlds = configurations(true)
const mutants: ReadonlyMap<string, Mutant> = new Map(mutantsOf().map(one => [one.id, one]))

function world(name: string): (typeof worlds)[number] {
  const found = worlds.find(one => one.name === name)
  if (found === undefined) throw new Error(`there is no configuration ${name}`)
  return found
}

function mutant(id: string): Mutant {
  const found = mutants.get(id)
  if (found === undefined) throw new Error(`there is no mutant ${id}`)
  return found
}

async function answer(task: Task): Promise<Answer> {
  switch (task.kind) {
    case 'scan':
      return { kind: 'scan', scan: scan(world(task.configuration), task.ids.map(mutant)) }
    case 'explore':
      return {
        kind: 'explore',
        finding: exploreMutant(mutant(task.id), world(task.configuration), task.mostStates),
      }
    case 'test':
      return { kind: 'test', failing: await failingTest(mutant(task.id)) }
  }
}

process.on('message', (task: Task) => {
  void answer(task).then(made => process.send?.(made))
})
