/**
 * A row of the operations table, without its schemas: they take longer to load than a turn takes to run, so they stand in
 * a column of their own (`src/surfaces/operations`) that is loaded when parameters have to be judged by it. The types
 * here are inferred from them.
 */
import type { Defined } from '../../defined.ts'
import type { LetterId } from '../../store/mail.ts'
import type { Position } from '../../store/records.ts'
import type { CallContext } from '../../surfaces/operation.ts'
import type { OperationName, OperationParams, OperationResult } from '../../surfaces/operations.ts'
import type { Core } from '../core.ts'
import type { LiveSession } from '../live-session.ts'
import type { Form } from '../plain.ts'

/** Parameters as a row gets them: checked, a copy, and without fields that are undefined. */
export type Params<Name extends OperationName> = Defined<OperationParams<Name>>

/** The letter whose request is performed; none where this process asks for its own sake. */
export type Letter = LetterId | undefined

/** What a row has besides its parameters. */
export interface Context extends CallContext {
  /** Does another row's part of the owner. */
  readonly asOwner: AsOwner
}

/** Asks the owner of a session, be it this process or another one. */
export type AsOwner = <Task, Came>(row: Owned<Task, Came>, sessionId: string, task: Task) => Promise<Came>

interface Doors {
  /** What is plainly fine and needs no schema. */
  readonly plain?: Form
  /** What a program's parameters become before they are judged: on the wire they are JSON already. */
  ready?(core: Core, params: unknown): object | Promise<object>
}

/** Whoever has the store can answer it. */
export interface Reader<Name extends OperationName, Answer = OperationResult<Name>> extends Doors {
  readonly needs: 'reader'
  run(core: Core, params: Params<Name>, context: Context): Answer | Promise<Answer>
}

/** What the owner of a session is asked, and what it answers: plain JSON, both. It may travel as a letter. */
export interface Owned<Task, Came> {
  /** What it is called in letters. Other releases read and write it: it never changes. */
  readonly letter: string
  run(core: Core, live: LiveSession, task: Task, letter: Letter): Promise<Came>
  /** What a letter came to that was performed before, by the commit `at`. */
  again(core: Core, sessionId: string, task: Task, at: Position): Promise<Came>
  /** What a letter has to name that the owner would take from the state it finds. */
  pinned?(core: Core, sessionId: string, task: Task): Promise<Task>
}

/** Only the owner of the session can do it: here where this process owns it or may, else by a letter to the one that does. */
export interface Owner<Name extends OperationName, Task = unknown, Came = unknown, Answer = OperationResult<Name>>
  extends Doors,
    Owned<Task, Came> {
  readonly needs: 'owner'
  /** What the owner is asked, with the ids that are made here: asked again, it is the same request. */
  task(core: Core, params: Params<Name>): Task | Promise<Task>
  /** What the caller is answered. */
  answer(core: Core, came: Came, params: Params<Name>, context: Context): Answer | Promise<Answer>
}

export type Row<Name extends OperationName, Answer = OperationResult<Name>> =
  | Reader<Name, Answer>
  | Owner<Name, unknown, unknown, Answer>
