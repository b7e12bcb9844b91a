/** The operations table: the code of each operation. `src/surfaces/operations.ts` has the schemas. */
import type { CallContext, EventFeed, FeedOptions, FeedPlace } from '../../surfaces/operation.ts'
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

/** The answer of an operation, with the library's types. */
export type AnswerOf<Name extends OperationName> = Awaited<Answered<(typeof all)[Name]>>

type Answered<One> = One extends { answer(...asked: never[]): infer Answer }
  ? Answer
  : One extends { run(...asked: never[]): infer Answer }
    ? Answer
    : never

/** Something that performs operations by their names, with the library's types. */
export interface Calls {
  call<Name extends OperationName>(
    name: Name,
    params: OperationParams<Name>,
    context?: CallContext,
  ): Promise<AnswerOf<Name>>
  /** Opens a feed of events. */
  follow(place: FeedPlace, options?: FeedOptions): Promise<EventFeed<AnswerOf<'events/read'>>>
}

/** The compiler checks that every operation has a row and every row an operation. */
export const rows: { readonly [Name in OperationName]: Row<Name, AnswerOf<Name>> } = all

export function isOperationName(name: unknown): name is OperationName {
  return typeof name === 'string' && Object.hasOwn(rows, name)
}

/** What owners are asked, by the name in letters. */
export const letters: ReadonlyMap<string, Owned<unknown, unknown>> = new Map(
  Object.values(rows).flatMap((row): readonly (readonly [string, Owned<unknown, unknown>])[] =>
    row.needs === 'owner' ? [[row.letter, row]] : [],
  ),
)
