/** A command as the parser and the help see it. */
import type { Shell } from './shell.ts'

/** Performs a command. Arguments come in the order of the row; a missing optional one is undefined. */
export type Perform = (shell: Shell, args: readonly unknown[]) => Promise<void>

export type Texts = readonly (readonly [string, string])[]

export interface CommandRow {
  readonly name: string
  readonly summary: string
  readonly args?: Texts
  readonly options: Texts
  /** Help that is printed after the flags. */
  readonly more?: string
  readonly load: () => Promise<Perform>
}

/** Commands of two words, loaded when one of them is called. */
export interface CommandGroup extends Omit<CommandRow, 'load'> {
  readonly actions: () => Promise<readonly CommandRow[]>
}
