/** What a command is to the parser and to the help. */
import type { Shell } from './shell.ts'

/** Performs a command. Arguments come in the order of the row, `undefined` where an optional one is missing. */
export type Perform = (shell: Shell, args: readonly unknown[]) => Promise<void>

export type Texts = readonly (readonly [string, string])[]

export interface CommandRow {
  readonly name: string
  readonly summary: string
  readonly args?: Texts
  readonly options: Texts
  /** Help that stands behind the flags. */
  readonly more?: string
  readonly load: () => Promise<Perform>
}

/** Commands of two words, loaded when one of them is asked for. */
export interface CommandGroup extends Omit<CommandRow, 'load'> {
  readonly actions: () => Promise<readonly CommandRow[]>
}
