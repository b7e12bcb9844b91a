/** The operations table: what answers each operation. Its schemas are the column in `src/surfaces/operations.ts`. */
import type { CallContext } from '../../surfaces/operation.ts'
import type { OperationName, OperationParams } from '../../surfaces/operations.ts'
import { backgroundRows } from './background.ts'
import { controlRows } from './control.ts'
import { eventRows } from './events.ts'
import { inputRows } from './inputs.ts'
import { modelRows } from './models.ts'
import type { Owned, Row } from './row.ts'
import { runRows } from './runs.ts'
import { runtimeRows } from './runtime.ts'
import { sessionRows } from './sessions.ts'
import { storageRows } from './storage.ts'
import { toolRows } from './tools.ts'

const all = {
  ...runtimeRows,
  ...sessionRows,
  ...controlRows,
  ...inputRows,
  ...runRows,
  ...eventRows,
  ...toolRows,
  ...modelRows,
  ...backgroundRows,
  ...storageRows,
} satisfies { readonly [Name in OperationName]: Row<Name> }

/** What an operation answers, as the library types it. */
export type AnswerOf<Name extends OperationName> = Awaited<Answered<(typeof all)[Name]>>

type Answered<One> = One extends { answer(...asked: never[]): infer Answer }
  ? Answer
  : One extends { run(...asked: never[]): infer Answer }
    ? Answer
    : never

/** What answers operations by their names, as the library types them. */
export interface Calls {
  call<Name extends OperationName>(
    name: Name,
    params: OperationParams<Name>,
    context?: CallContext,
  ): Promise<AnswerOf<Name>>
}

/** Every operation has its row, and every row an operation. */
export const rows: { readonly [Name in OperationName]: Row<Name, AnswerOf<Name>> } = all

export function isOperationName(name: unknown): name is OperationName {
  return typeof name === 'string' && Object.hasOwn(rows, name)
}

/** What owners are asked, by the name that letters have for it. */
export const letters: ReadonlyMap<string, Owned<unknown, unknown>> = new Map(
  Object.values(rows).flatMap((row): readonly (readonly [string, Owned<unknown, unknown>])[] =>
    row.needs === 'owner' ? [[row.letter, row]] : [],
  ),
)
