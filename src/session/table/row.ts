/**
 * A row of the operations table, without its schemas. Loading the schemas takes longer than a turn takes to run, so
 * they stand in a module of their own (`src/surfaces/operations`), loaded when parameters have to be judged by them.
 * The types here are inferred from them.
 */
import type { Defined } from '../../defined.ts'
import type { LetterId } from '../../store/mail.ts'
import type { Position } from '../../store/records.ts'
import type { CallContext } from '../../surfaces/operation.ts'
import type { OperationName, OperationParams, OperationResult } from '../../surfaces/operations.ts'
import type { Core } from '../core.ts'
import type { LiveSession } from '../live-session.ts'
import type { Form } from '../plain.ts'

/** Parameters as a row gets them: checked, copied, and without fields that are undefined. */
export type Params<Name extends OperationName> = Defined<OperationParams<Name>>

/** The letter whose request is being performed; undefined where the caller is in this process. */
export type Letter = LetterId | undefined

/** What a row gets besides its parameters. */
export interface Context extends CallContext {
  /** Performs the owner's part of another row. */
  readonly asOwner: AsOwner
}

/** Lets the owner of a session perform a task: this process, or another one by letter. */
export type AsOwner = <Task, Came>(row: Owned<Task, Came>, sessionId: string, task: Task) => Promise<Came>

interface Doors {
  /** Recognises parameters that are plainly valid and need no schema. */
  readonly plain?: Form
  /** Turns a program's parameters into what the schema judges; parameters from the wire are JSON already. */
  ready?(core: Core, params: unknown): object | Promise<object>
}

/** A row that every process with the store can answer. */
export interface Reader<Name extends OperationName, Answer = OperationResult<Name>> extends Doors {
  readonly needs: 'reader'
  run(core: Core, params: Params<Name>, context: Context): Answer | Promise<Answer>
}

/**
 * What the owner of a session is asked, and what it answers. Both are plain JSON, because they may travel in a
 * letter.
 */
export interface Owned<Task, Came> {
  /** The name in letters. Other releases read and write it, so it never changes. */
  readonly letter: string
  run(core: Core, live: LiveSession, task: Task, letter: Letter): Promise<Came>
  /** The answer to a letter that was performed already, by the commit `at`. */
  again(core: Core, sessionId: string, task: Task, at: Position): Promise<Came>
  /**
   * Adds to a letter what its sender means by the state it sees now (such as the current run), because the owner
   * reads it later.
   */
  pinned?(core: Core, sessionId: string, task: Task): Promise<Task>
}

/**
 * A row that only the owner of the session can perform: this process where it owns the session or may claim it, else
 * the owner, by letter.
 */
export interface Owner<Name extends OperationName, Task = unknown, Came = unknown, Answer = OperationResult<Name>>
  extends Doors,
    Owned<Task, Came> {
  readonly needs: 'owner'
  /** What the owner is asked. Ids are made here, so that a repeated letter is the same request. */
  task(core: Core, params: Params<Name>): Task | Promise<Task>
  /** What the caller gets. */
  answer(core: Core, came: Came, params: Params<Name>, context: Context): Answer | Promise<Answer>
}

export type Row<Name extends OperationName, Answer = OperationResult<Name>> =
  | Reader<Name, Answer>
  | Owner<Name, unknown, unknown, Answer>
