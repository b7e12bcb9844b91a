/**
 * The vocabulary a machine is declared in.
 *
 * A **region** owns one slice of a machine's state. For each input it owns it has rows; the first row whose `from`
 * contains the region's phase and whose guard holds decides. Other regions may *follow* an input they do not own:
 * they see the state as it was before the step and change their own slice, but can't refuse. So every fact has one
 * writer, and every decision has one place.
 *
 * Everything here is data: the step function, the diagrams, the transition tables and the explorer read the same
 * objects.
 */

/** What every input and every effect has. */
export interface Tagged {
  readonly type: string
}

/** The members of a union whose `type` is `T`. */
export type Of<Union extends Tagged, T> = Extract<Union, { readonly type: T }>

/**
 * The verdict on an input of the type `T`. The owning region decides it once a step; its guards and changes and all
 * followers get it, so that no two of them can decide differently. `void` for inputs without a verdict.
 */
export type VerdictOf<Verdicts, T> = [Verdicts] extends [never] ? never : T extends keyof Verdicts ? Verdicts[T] : void

/** Functions that decide the verdicts, from the state before the step. */
export type Decides<State, Input extends Tagged, Verdicts> = {
  readonly [T in keyof Verdicts]: (state: State, input: Of<Input, T>) => Verdicts[T]
}

/** A predicate on the state before the step. Its function name is its name in tables and rejections. */
export type Guard<State, Input, Verdict = void> = (state: State, input: Input, verdict: Verdict) => boolean

/** Makes the effects of a transition from the state after it (and, where needed, the one before). */
export type Emit<State, Input, Effect, Verdict = void> = (
  after: State,
  input: Input,
  before: State,
  verdict: Verdict,
) => Effect | readonly Effect[]

/** A slice's next value. `Old`: the slice as it may be before. */
export type Change<State, Slice, Input, Verdict = void, Old = Slice> = (
  slice: Old,
  input: Input,
  state: State,
  verdict: Verdict,
) => Slice

/** One edge, or several that differ only in their source phase. */
export interface Row<State, Slice, Input, Effect, Phase extends string, Verdict = void> {
  /** Distinguishes rows of one input in tables and coverage. */
  readonly name: string
  /** Phases of the region in which the row applies. */
  readonly from: readonly Phase[]
  /** Phases of the machine's spine in which the row applies; absent means all. */
  readonly during?: readonly string[]
  /** All of these must hold, else the next row is tried. */
  readonly when?: readonly Guard<State, Input, Verdict>[]
  /** The phases the row may lead to; absent means the phase stays. The explorer checks the claim. */
  readonly to?: readonly Phase[]
  /** The region's next slice. Absent: the slice stays. */
  readonly then?: Change<State, Slice, Input, Verdict>
  readonly emit?: readonly Emit<State, Input, Effect, Verdict>[]
}

/** How a region reacts to an input that another region owns. */
export interface Follow<State, Slice, Input, Effect, Phase extends string = string, Verdict = void> {
  /** Where it takes the region's own phase; absent means the phase stays. The explorer checks the claim. */
  readonly moves?: { readonly [From in Phase]?: readonly Phase[] }
  readonly then?: Change<State, Slice, Input, Verdict>
  readonly emit?: readonly Emit<State, Input, Effect, Verdict>[]
}

/**
 * Reactions by what they follow: an input, or one row of it (`RegisterSession/new`). The row's own reaction stands in the
 * place of the input's.
 */
export type Follows<State, Slice, Input extends Tagged, Effect, Phase extends string, Verdicts = object> = {
  readonly [T in Input['type'] as T | `${T}/${string}`]?: Follow<
    State,
    Slice,
    Of<Input, T>,
    Effect,
    Phase,
    VerdictOf<Verdicts, T>
  >
}

/** What happens to a slice, or to a part of it, when its lifetime ends. */
export interface Life<State, Slice, Effect, Phase extends string = string>
  extends Follow<State, Slice, Tagged, Effect, Phase, unknown> {
  /** What of the slice it is, for the docs; absent: all of it. */
  readonly of?: string
}

/** A statement that holds in every reachable state. */
export interface Invariant<State> {
  readonly id: string
  /** The statement in words. */
  readonly text: string
  readonly holds: (state: State) => boolean
}

/** One region: its slice, its rows, its reactions and its invariants. */
export interface Region<
  State,
  Input extends Tagged,
  Effect extends Tagged,
  Name extends keyof State & string,
  Phase extends string = string,
  Lifetime extends string = string,
  Verdicts = object,
> {
  readonly name: Name
  /** What the region is for, in one sentence, for the docs. */
  readonly about: string
  readonly initial: State[Name]
  /** The phase its rows speak of: its own, or the one of the region that governs it. */
  readonly phaseOf: (state: State) => Phase
  readonly phases: readonly Phase[]
  /** How the slice is written, where that is not as it is. */
  readonly codec?: Codec<State[Name]>
  /** A text that is equal for slices that behave alike, by which the explorer tells states apart. Absent: the whole slice. */
  readonly key?: (slice: State[Name]) => string
  /** The verdicts on its own inputs, each decided once a step. */
  readonly decides?: { readonly [T in Input['type']]?: (state: State, input: Of<Input, T>) => unknown }
  readonly on: {
    readonly [T in Input['type']]?: readonly Row<
      State,
      State[Name],
      Of<Input, T>,
      Effect,
      Phase,
      VerdictOf<Verdicts, T>
    >[]
  }
  readonly follow: Follows<State, State[Name], Input, Effect, Phase, Verdicts>
  /**
   * The lifetimes of its facts, by the machine's names. The machine knows which inputs end a lifetime and adds the followers.
   * A reaction of the region's own to such an input takes precedence; if one input ends two lifetimes, the one that the
   * machine names later does.
   */
  readonly lives?: { readonly [L in Lifetime]?: Life<State, State[Name], Effect, Phase> }
  readonly invariants: readonly Invariant<State>[]
  /**
   * Present if the slice describes the process that serves the session (connections, channels, tokens), not the session. A
   * condition is not written to disk and ends with its process, so no fact may depend on it: regions of facts can't see it,
   * and only conditions may follow its inputs.
   */
  readonly condition?: Condition<State[Name]>
}

/** A slice that ends with its process. */
export interface Condition<Slice> {
  /** Whether the slice could be reset without losing anything. */
  readonly atRest: (slice: Slice) => boolean
}

/** Writes and reads a slice some parts of which are computed from others. */
export interface Codec<Slice> {
  readonly encode: (slice: Slice) => unknown
  readonly decode: (encoded: never) => Slice
}

/** A slice in some of its phases; one without a phase of its own is what it is in all of them. */
type In<Slice, Phase> = Slice extends { readonly phase: string } ? Slice & { readonly phase: Phase } : Slice

/** A row whose change gets the slice as its `from` narrows it. */
interface NarrowRow<State, Slice, Input, Effect, Phase extends string, Verdict, From extends Phase>
  extends Omit<Row<State, Slice, Input, Effect, Phase, Verdict>, 'from' | 'then'> {
  readonly from: readonly From[]
  readonly then: Change<State, Slice, Input, Verdict, In<Slice, NoInfer<From>>>
}

/**
 * Makes rows of a region whose slice has the phase that `from` speaks of. The step function gives a row only slices of those
 * phases, so its change has nothing to say of others.
 */
export function rowsOf<State, Slice extends { readonly phase: string }, Effect>(): <
  Input,
  Verdict,
  const From extends Slice['phase'],
>(
  row: NarrowRow<State, Slice, NoInfer<Input>, Effect, Slice['phase'], NoInfer<Verdict>, From>,
) => Row<State, Slice, Input, Effect, Slice['phase'], Verdict>
export function rowsOf(): unknown {
  return (row: unknown) => row
}

/** A row about one thing that the state holds. */
interface AboutRow<State, Slice, Input, Effect, Phase extends string, From extends Phase, Thing>
  extends Omit<Row<State, Slice, Input, Effect, Phase>, 'from' | 'then' | 'emit'> {
  readonly from: readonly From[]
  /** Finds it, as it has to be for the row to apply: that is the row's first guard, by the name of this function. */
  readonly about: (state: State, input: Input) => Thing | undefined
  readonly then?: Change<State, Slice, Input, NoInfer<Thing>, In<Slice, NoInfer<From>>>
  readonly emit?: readonly Emit<State, Input, Effect, NoInfer<Thing>>[]
}

/**
 * Makes rows about an entry of a map, or about something else that may not be there. Where it is not found the row does not
 * apply, so that what the row changes and says, which get it last, have nothing to say of its absence.
 */
export function rowsAbout<State, Slice, Effect, Phase extends string>(): <Input, const From extends Phase, Thing>(
  row: AboutRow<State, Slice, NoInfer<Input>, Effect, Phase, From, Thing>,
) => Row<State, Slice, Input, Effect, Phase>
export function rowsAbout(): unknown {
  type Loose = AboutRow<unknown, unknown, unknown, unknown, string, string, unknown>
  return ({ about, when = [], then, emit, ...row }: Loose): Row<unknown, unknown, unknown, unknown, string> => ({
    ...row,
    when: [alike(about, (state, input) => about(state, input) !== undefined), ...when],
    ...(then && { then: (slice, input, state) => then(slice, input, state, about(state, input)) }),
    ...(emit && {
      emit: emit.map(say => alike(say, (after, input, before) => say(after, input, before, about(before, input)))),
    }),
  })
}

/** The second function, under the name of the first and with as many parameters. */
function alike<F extends (...known: readonly unknown[]) => unknown>(
  { name, length }: { readonly name: string; readonly length: number },
  instead: F,
): F {
  return Object.defineProperties(instead, { name: { value: name }, length: { value: length } })
}
