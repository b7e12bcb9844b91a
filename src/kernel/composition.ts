/**
 * Composes machines: routes, which are data, turn effects of one machine into inputs of another.
 *
 * 1. A route binds one effect of a producer to one input of a consumer; both are checked when the routes are compiled.
 * 2. The producer commits first. The outcome of a dispatch never undoes that.
 * 3. A consumer that refuses answers by code. If the route has a closure the producer gets the refusal as an input; if it
 *    has none, the caller gets the refusal.
 *
 * Nothing here holds a queue or a lock: a surface applies its input under its own machine's gate, and the dispatching code
 * holds no gate meanwhile.
 */
import type { MachineAuthority } from './authority.ts'
import type { Of, Tagged } from './region.ts'

/** The machines of a composition by name, with the inputs and the effects of each. */
export type Parties = Readonly<Record<string, { readonly input: Tagged; readonly effect: Tagged }>>

type Name<All extends Parties> = keyof All & string
type EffectType<All extends Parties, From extends Name<All>> = All[From]['effect']['type']
type InputType<All extends Parties, To extends Name<All>> = All[To]['input']['type']

/** Why a consumer refused. */
export interface ConsumerRefusal {
  readonly code: string
  readonly message: string
}

/** An effect with the optional fields `Key` present. */
type Present<Effect, Key extends keyof Effect> = Effect & {
  readonly [One in Key]-?: Exclude<Effect[One], undefined>
}

/** One way from a producer to a consumer. */
interface Declared<
  All extends Parties,
  Context,
  From extends Name<All>,
  E extends EffectType<All, From>,
  To extends Name<All>,
  I extends InputType<All, To>,
  Key extends keyof Of<All[From]['effect'], E> & string,
> {
  readonly id: string
  /** A signal only observes: a machine that runs without a composition may skip it. */
  readonly kind: 'input' | 'signal'
  readonly producer: From
  readonly effect: E
  readonly consumer: To
  readonly input: I
  /** Optional fields of the effect that the route needs. */
  readonly needs: readonly Key[]
  /** Which of several instances of the consumer is meant. */
  readonly address?: (effect: Present<Of<All[From]['effect'], E>, Key>) => string
  readonly bind: (
    effect: Present<Of<All[From]['effect'], E>, Key>,
    context: Partial<Context>,
  ) => Of<All[To]['input'], I>
  /** The input by which the producer hears of a refusal. */
  readonly closure?: (refusal: ConsumerRefusal, effect: Present<Of<All[From]['effect'], E>, Key>) => All[From]['input']
}

/** A route, without the types of its effect and input. */
export interface Route<All extends Parties, Context> {
  readonly id: string
  readonly kind: 'input' | 'signal'
  readonly producer: Name<All>
  readonly effect: string
  readonly consumer: Name<All>
  readonly input: string
  readonly needs: readonly string[]
  readonly address?: (effect: Tagged) => string
  readonly bind: (effect: Tagged, context: Partial<Context>) => Tagged
  readonly closure?: (refusal: ConsumerRefusal, effect: Tagged) => Tagged
}

export interface Composition<All extends Parties, Context> {
  readonly name: string
  readonly routes: readonly Route<All, Context>[]
}

/** Declares routes among these machines. `Context` is what a machine's owner knows and the machine does not. */
export function routing<All extends Parties, Context = object>() {
  return <
    From extends Name<All>,
    E extends EffectType<All, From>,
    To extends Name<All>,
    I extends InputType<All, To>,
    Key extends keyof Of<All[From]['effect'], E> & string,
  >(
    route: Declared<All, Context, From, E, To, I, Key>,
    // The dispatcher calls a route only with the effect that it names.
  ): Route<All, Context> => route as unknown as Route<All, Context>
}

/** Makes a composition of routes; throws if two have one name or begin with the same effect. */
export function compose<All extends Parties, Context>(
  composition: Composition<All, Context>,
): Composition<All, Context> {
  const taken = new Set<string>()
  for (const { id, producer, effect } of composition.routes) {
    for (const key of [`route ${id}`, `a route of ${producer}/${effect}`]) {
      if (taken.has(key)) throw new Error(`${composition.name}: ${key} is declared twice`)
      taken.add(key)
    }
  }
  return composition
}

/** Why an effect did not reach the consumer of its route. */
export type DispatchRefusal =
  /** The producer belongs to another composition. */
  | { readonly kind: 'CompositionMismatch'; readonly expected: string; readonly found: string }
  | { readonly kind: 'UnresolvedRoute'; readonly producer: string; readonly effect: string }
  | { readonly kind: 'MissingProducerField'; readonly route: string; readonly field: string }
  | { readonly kind: 'UnwiredConsumer'; readonly route: string; readonly consumer: string }
  | ({ readonly kind: 'ConsumerRefused'; readonly route: string } & ConsumerRefusal)

export type DispatchOutcome =
  | { readonly ok: true; readonly outcome: 'delivered'; readonly route: string }
  /** The consumer refused, and the producer took the refusal as an input. `effects`: what that step emitted. */
  | {
      readonly ok: true
      readonly outcome: 'refusal-recorded'
      readonly route: string
      readonly refusal: ConsumerRefusal
      readonly effects: readonly Tagged[]
    }
  /** A signal of a standalone machine. */
  | { readonly ok: true; readonly outcome: 'skipped'; readonly route: string }
  | { readonly ok: false; readonly refusal: DispatchRefusal }

/** The result of applying an input to a machine, in this process or elsewhere. */
export type Applied<Effect = Tagged> =
  | { readonly ok: true; readonly effects: readonly Effect[] }
  | ({ readonly ok: false } & ConsumerRefusal)

type Awaitable<T> = T | Promise<T>

/** Where a consumer accepts inputs. */
export interface ConsumerSurface<Input> {
  readonly apply: (input: Input, address: string | undefined) => Awaitable<Applied>
}

/** A machine that emits effects, and the composition that it was made for. */
export interface Producer<All extends Parties, From extends Name<All>> {
  readonly composition: string
  readonly party: From
  readonly apply: (input: All[From]['input']) => Awaitable<Applied<All[From]['effect']>>
}

/** A bound route: the input that an effect becomes at the consumer. */
export interface Bound<All extends Parties, Context> {
  readonly ok: true
  readonly route: Route<All, Context>
  readonly address: string | undefined
  readonly input: Tagged
}

/** Finds the route of an effect and makes the consumer's input of it; changes nothing. */
export function bindRoute<All extends Parties, Context>(
  { routes }: Composition<All, Context>,
  producer: Name<All>,
  effect: Tagged,
  context: Partial<Context> = {},
): Bound<All, Context> | { readonly ok: false; readonly refusal: DispatchRefusal } {
  const route = routes.find(one => one.producer === producer && one.effect === effect.type)
  if (route === undefined) return { ok: false, refusal: { kind: 'UnresolvedRoute', producer, effect: effect.type } }
  const fields = effect as Tagged & Readonly<Record<string, unknown>>
  const field = route.needs.find(need => fields[need] === undefined)
  if (field !== undefined) return { ok: false, refusal: { kind: 'MissingProducerField', route: route.id, field } }
  return { ok: true, route, address: route.address?.(effect), input: route.bind(effect, context) }
}

/** Whether an effect has a route; most only inform. */
export function isRouted<All extends Parties, Context>(
  { routes }: Composition<All, Context>,
  producer: Name<All>,
  effect: Tagged,
): boolean {
  return routes.some(one => one.producer === producer && one.effect === effect.type)
}

/** Delivers effects of committed transitions to the machines of their routes. */
export class CompositionDispatcher<All extends Parties, Context> {
  readonly composition: Composition<All, Context>
  readonly #surfaces = new Map<string, ConsumerSurface<never>>()

  constructor(composition: Composition<All, Context>) {
    this.composition = composition
  }

  /** Wires a consumer; another surface under its name takes the place of the one before. */
  register<To extends Name<All>>(consumer: To, surface: ConsumerSurface<All[To]['input']>): void {
    this.#surfaces.set(consumer, surface)
  }

  /** Delivers one effect. Refusals are values; an exception of a surface is passed on. */
  async dispatch<From extends Name<All>>(
    producer: Producer<All, From>,
    effect: All[From]['effect'],
    context: Partial<Context> = {},
  ): Promise<DispatchOutcome> {
    const mismatch = mismatchOf(this.composition, producer)
    if (mismatch !== undefined) return mismatch
    const bound = bindRoute(this.composition, producer.party, effect, context)
    if (!bound.ok) return bound
    const { route, address, input } = bound
    const surface = this.#surfaces.get(route.consumer)
    if (surface === undefined) return unwired(route)
    const applied = await surface.apply(input as never, address)
    if (applied.ok) return { ok: true, outcome: 'delivered', route: route.id }
    const { code, message } = applied
    const refused = { ok: false, refusal: { kind: 'ConsumerRefused', route: route.id, code, message } } as const
    if (route.closure === undefined) return refused
    const closed = await producer.apply(route.closure({ code, message }, effect))
    if (!closed.ok) return refused
    return {
      ok: true,
      outcome: 'refusal-recorded',
      route: route.id,
      refusal: { code, message },
      effects: closed.effects,
    }
  }
}

function mismatchOf<All extends Parties, Context>(
  { name }: Composition<All, Context>,
  { composition }: { readonly composition: string },
): { readonly ok: false; readonly refusal: DispatchRefusal } | undefined {
  if (composition === name) return undefined
  return { ok: false, refusal: { kind: 'CompositionMismatch', expected: name, found: composition } }
}

function unwired<All extends Parties, Context>({
  id,
  consumer,
}: Route<All, Context>): { readonly ok: false; readonly refusal: DispatchRefusal } {
  return { ok: false, refusal: { kind: 'UnwiredConsumer', route: id, consumer } }
}

/** How a machine is tied to the others. */
export type CompositionBinding<All extends Parties, Context> =
  /** It runs alone: its signals have no receiver. */
  | { readonly kind: 'standalone'; readonly composition: Composition<All, Context> }
  | { readonly kind: 'wiredWith'; readonly dispatcher: CompositionDispatcher<All, Context> }
  /** Its owner supplies the context, which is asked for at each dispatch. */
  | {
      readonly kind: 'ownerProvided'
      readonly dispatcher: CompositionDispatcher<All, Context>
      readonly context: () => Partial<Context>
    }

/** The outcome of a command: whether it was committed, and the outcome of each routed effect. */
export interface CommandOutcome<Effect> {
  readonly committed: Applied<Effect>
  readonly outcomes: readonly DispatchOutcome[]
  /** The first refusal without a closure: the command's error. The state stays as committed. */
  readonly refused: DispatchRefusal | undefined
}

/** Applies an input and dispatches its effects, and those of closures, in order. */
export async function commitThenDispatch<All extends Parties, Context, From extends Name<All>>(
  binding: CompositionBinding<All, Context>,
  producer: Producer<All, From>,
  input: All[From]['input'],
): Promise<CommandOutcome<All[From]['effect']>> {
  const committed = await producer.apply(input)
  const due: Tagged[] = committed.ok ? [...committed.effects] : []
  const { composition } = binding.kind === 'standalone' ? binding : binding.dispatcher
  const outcomes: DispatchOutcome[] = []
  for (const effect of due) {
    if (!isRouted(composition, producer.party, effect)) continue
    const outcome = await dispatchThrough(binding, producer, effect)
    outcomes.push(outcome)
    if (outcome.ok && outcome.outcome === 'refusal-recorded') due.push(...outcome.effects)
  }
  const failed = outcomes.find(outcome => !outcome.ok)
  return { committed, outcomes, refused: failed?.ok === false ? failed.refusal : undefined }
}

/** Dispatches one effect by the binding of its machine. */
export async function dispatchThrough<All extends Parties, Context, From extends Name<All>>(
  binding: CompositionBinding<All, Context>,
  producer: Producer<All, From>,
  effect: All[From]['effect'],
): Promise<DispatchOutcome> {
  if (binding.kind === 'wiredWith') return binding.dispatcher.dispatch(producer, effect)
  if (binding.kind === 'ownerProvided') return binding.dispatcher.dispatch(producer, effect, binding.context())
  const mismatch = mismatchOf(binding.composition, producer)
  if (mismatch !== undefined) return mismatch
  const bound = bindRoute(binding.composition, producer.party, effect)
  if (!bound.ok) return bound
  return bound.route.kind === 'signal' ? { ok: true, outcome: 'skipped', route: bound.route.id } : unwired(bound.route)
}

/** Applies inputs to an authority and answers as surfaces and producers do: the code is the kind of the rejection. */
export function appliesTo<State, Input extends Tagged, Effect extends Tagged>(
  authority: Pick<MachineAuthority<State, Input, Effect>, 'apply'>,
): (input: Input) => Applied<Effect> {
  return input => {
    const result = authority.apply(input)
    if (result.ok) return { ok: true, effects: result.effects }
    return { ok: false, code: result.kind, message: `${result.context}: ${result.reason}` }
  }
}
