import { describe, expect, test } from 'vitest'
import { MachineAuthority } from '../../src/kernel/authority.ts'
import {
  type Applied,
  appliesTo,
  type CompositionBinding,
  CompositionDispatcher,
  type ConsumerSurface,
  commitThenDispatch,
  compose,
  dispatchThrough,
  type Producer,
  routing,
} from '../../src/kernel/composition.ts'
import type { RuntimeEpochId } from '../../src/kernel/ids.ts'
import { meerkat } from '../../src/kernel/machine.ts'
import type { MobEffect } from '../../src/kernel/mob/effects.ts'
import type { MobInput } from '../../src/kernel/mob/inputs.ts'
import { mob } from '../../src/kernel/mob/machine.ts'
import { memberOf } from '../../src/kernel/mob/roster/state.ts'
import {
  meerkatMobSeam,
  pinnedSession,
  type SeamContext,
  type SeamParties,
  type SessionRequest,
  sessionSignals,
  sessionsSurface,
} from '../../src/kernel/mob/seam.ts'
import { aRetired, identity, retireA, runtimeId, sessionId, spawn, workId } from './support/mob-play.ts'

type Dispatcher = CompositionDispatcher<SeamParties, SeamContext>
type Binding = CompositionBinding<SeamParties, SeamContext>
type Signal = SeamParties['meerkat']['effect']

/** A mob in this process, and the session of its member with all that either said. */
class World {
  readonly mob = new MachineAuthority(mob)
  readonly session = new MachineAuthority(meerkat)
  readonly dispatcher: Dispatcher = new CompositionDispatcher(meerkatMobSeam)
  readonly wired: Binding = { kind: 'wiredWith', dispatcher: this.dispatcher }
  readonly signals: Signal[] = []
  /** All that the session said. */
  readonly said: object[] = []
  readonly asMob: Producer<SeamParties, 'mob'> = {
    composition: meerkatMobSeam.name,
    party: 'mob',
    apply: appliesTo(this.mob),
  }
  readonly asSession: Producer<SeamParties, 'meerkat'> = {
    composition: meerkatMobSeam.name,
    party: 'meerkat',
    apply: input => this.applyToSession(input) as Applied<never>,
  }

  constructor(epochId?: RuntimeEpochId) {
    this.session.applyOrThrow({ type: 'Initialize' })
    const epoch = epochId === undefined ? {} : { epochId }
    this.session.applyOrThrow({ type: 'RegisterSession', sessionId: sessionId('s'), ...epoch })
    for (const input of [{ type: 'BindCoordinator' } as const, ...spawn('a').slice(0, 1)]) this.mob.applyOrThrow(input)
    this.dispatcher.register('mob', { apply: appliesTo(this.mob) })
    this.serve()
  }

  /** Sessions are found by their id; `s` is the only one. */
  serve(): void {
    const served = (id: string) => (id === 's' ? this.applyToSession : undefined)
    this.dispatcher.register('meerkat', sessionsSurface(served))
  }

  readonly applyToSession = (input: SessionRequest): Applied => {
    const before = this.session.state
    const applied = appliesTo(this.session)(input)
    if (!applied.ok) return applied
    this.said.push(...applied.effects)
    this.signals.push(...sessionSignals(before, applied.effects))
    return applied
  }

  command(input: MobInput, binding: Binding = this.wired) {
    return commitThenDispatch(binding, this.asMob, input)
  }

  /** Takes what the session said so far to the mob. */
  async deliver(binding: Binding = this.wired) {
    const due = this.signals.splice(0)
    return Promise.all(due.map(one => dispatchThrough(binding, this.asSession, one)))
  }

  /** Answers what came of the membership: it is what asks for a placement. */
  async spawn(binding: Binding = this.wired) {
    const [, ...inputs] = spawn('a', { session: 's' })
    const [begin, commit, activate] = inputs as [MobInput, MobInput, MobInput]
    await this.command(begin, binding)
    const committed = await this.command(commit, binding)
    await this.command(activate, binding)
    return committed
  }

  get member() {
    return memberOf(this.mob.state, { identity: identity('a') })
  }
}

const delivered = (route: string) => ({ ok: true, outcome: 'delivered', route })

describe('meerkat-mob-seam', () => {
  test('has seven routes, and a closure for every request but the destruction', () => {
    expect(
      meerkatMobSeam.routes.map(one => [
        one.id,
        `${one.producer}/${one.effect}`,
        `${one.consumer}/${one.input}`,
        one.kind,
      ]),
    ).toEqual([
      ['binding_request_reaches_meerkat', 'mob/RequestRuntimeBinding', 'meerkat/PrepareBindings', 'input'],
      ['work_request_reaches_meerkat', 'mob/RequestRuntimeIngress', 'meerkat/Ingest', 'input'],
      ['retire_request_reaches_meerkat', 'mob/RequestRuntimeRetire', 'meerkat/Retire', 'input'],
      ['destroy_request_reaches_meerkat', 'mob/RequestRuntimeDestroy', 'meerkat/Destroy', 'input'],
      ['runtime_bound_reaches_mob', 'meerkat/RuntimeBound', 'mob/ObserveRuntimeReady', 'signal'],
      ['runtime_retired_reaches_mob', 'meerkat/RuntimeRetired', 'mob/ObserveRuntimeRetired', 'signal'],
      ['runtime_destroyed_reaches_mob', 'meerkat/RuntimeDestroyed', 'mob/ObserveRuntimeDestroyed', 'signal'],
    ])
    const closed = meerkatMobSeam.routes.filter(one => one.closure !== undefined).map(one => one.input)
    expect(closed).toEqual(['PrepareBindings', 'Ingest', 'Retire'])
  })

  test('takes a member from its spawn to its retirement', async () => {
    const world = new World()
    expect((await world.spawn()).outcomes).toEqual([delivered('binding_request_reaches_meerkat')])
    expect(world.session.state.binding).toMatchObject({ phase: 'bound', runtimeId: 'a1', fence: 1, generation: 1 })
    expect(world.member?.standing).toEqual({ marker: 'active', startup: 'bindingRequested' })
    expect(await world.deliver()).toEqual([delivered('runtime_bound_reaches_mob')])
    expect(world.member?.standing).toEqual({ marker: 'active', startup: 'ready' })

    expect((await world.command(retireA)).outcomes).toEqual([delivered('retire_request_reaches_meerkat')])
    expect(world.session.state.lifecycle.phase).toBe('retired')
    expect(await world.deliver()).toEqual([delivered('runtime_retired_reaches_mob')])
    expect(world.member).toBeUndefined()
  })

  test('destroys the sessions of a mob that is destroyed', async () => {
    const world = new World()
    await world.spawn()
    expect((await world.command({ type: 'Destroy' })).outcomes).toEqual([delivered('destroy_request_reaches_meerkat')])
    expect(world.session.state.lifecycle.phase).toBe('destroyed')
    world.signals.shift()
    expect(await world.deliver()).toEqual([delivered('runtime_destroyed_reaches_mob')])
  })

  test('tells the mob of a placement that was refused, with the code and the reason', async () => {
    const world = new World()
    world.session.applyOrThrow({ type: 'Destroy' })
    const { outcomes, refused, committed } = await world.spawn()
    expect(committed.ok).toBe(true)
    expect(refused).toBeUndefined()
    expect(outcomes).toMatchObject([
      { ok: true, outcome: 'refusal-recorded', refusal: { code: 'no-matching-transition' } },
    ])
    expect(world.member?.standing).toMatchObject({
      marker: 'broken',
      request: 'binding',
      code: 'no-matching-transition',
    })
  })

  test('takes work to the session of its member', async () => {
    const world = new World()
    await world.spawn()
    const ofA = { identity: identity('a'), runtimeId: runtimeId('a1'), fence: 1 }
    const { outcomes } = await world.command({ type: 'SubmitWork', ...ofA, workId: workId('w'), origin: 'internal' })
    expect(outcomes).toEqual([delivered('work_request_reaches_meerkat')])
    expect(world.said).toContainEqual({ type: 'ResolveAdmission', runtimeId: 'a1', workId: 'w', origin: 'Mob' })
  })

  test('tells the mob of work that was refused', async () => {
    const world = new World()
    await world.spawn()
    world.session.applyOrThrow({ type: 'Destroy' })
    const ofA = { identity: identity('a'), runtimeId: runtimeId('a1'), fence: 1 }
    const { outcomes } = await world.command({ type: 'SubmitWork', ...ofA, workId: workId('w'), origin: 'internal' })
    expect(outcomes).toMatchObject([
      { outcome: 'refusal-recorded', route: 'work_request_reaches_meerkat', effects: [{ type: 'WorkRefused' }] },
    ])
    expect(world.mob.state.work.open.size).toBe(0)
  })

  test('tells the mob of a session that nobody knows, which then has nothing to wait for', async () => {
    const world = new World()
    await world.spawn()
    world.dispatcher.register(
      'meerkat',
      sessionsSurface(() => undefined),
    )
    const { outcomes } = await world.command(retireA)
    expect(outcomes).toMatchObject([
      { outcome: 'refusal-recorded', refusal: { code: 'routed_session_not_registered' } },
    ])
    expect(world.member).toBeUndefined()
  })

  test('pinned to one session it does not pass on what is for another, nor takes that for gone', async () => {
    const world = new World()
    const all = sessionsSurface(() => world.applyToSession)
    await world.spawn()
    world.dispatcher.register('meerkat', pinnedSession(sessionId('t'), all))
    const { outcomes } = await world.command(retireA)
    expect(outcomes).toMatchObject([{ outcome: 'refusal-recorded', refusal: { code: 'routed_session_mismatch' } }])
    expect(world.member?.standing).toMatchObject({ marker: 'broken', request: 'retire' })
    world.dispatcher.register('meerkat', pinnedSession(sessionId('s'), all))
    await world.command(retireA)
    await world.deliver()
    expect(world.member).toBeUndefined()
  })

  test('makes a destruction that was refused the error of who asked for it; the mob stays destroyed', async () => {
    const world = new World()
    await world.spawn()
    world.dispatcher.register(
      'meerkat',
      sessionsSurface(() => undefined),
    )
    const { committed, refused } = await world.command({ type: 'Destroy' })
    expect(committed.ok).toBe(true)
    expect(refused).toMatchObject({
      kind: 'ConsumerRefused',
      route: 'destroy_request_reaches_meerkat',
      code: 'routed_session_not_registered',
    })
    expect(world.mob.state.lifecycle.phase).toBe('destroyed')
  })

  test('makes a signal that came too late an error that changes neither side', async () => {
    const world = new World()
    await world.spawn()
    await world.deliver()
    await world.command(retireA)
    world.mob.applyOrThrow(aRetired)
    const [session, members] = [world.session.state, world.mob.state]
    expect(await world.deliver()).toMatchObject([
      { ok: false, refusal: { kind: 'ConsumerRefused', code: 'guard-rejected' } },
    ])
    expect(world.session.state).toBe(session)
    expect(world.mob.state).toBe(members)
  })

  test('lets the owner add the epoch of its session, which the mob does not know', async () => {
    const epochId = 'e' as RuntimeEpochId
    const alone = new World(epochId)
    await alone.spawn()
    expect(alone.member?.standing).toMatchObject({ marker: 'broken', code: 'guard-rejected' })

    const world = new World(epochId)
    const { dispatcher } = world
    await world.spawn({ kind: 'ownerProvided', dispatcher, context: () => ({ epochId }) })
    expect(world.session.state.binding).toMatchObject({ phase: 'bound', epochId: 'e' })
  })
})

describe('a dispatcher', () => {
  const bound: Signal = { type: 'RuntimeBound', runtimeId: 'a1', fence: 1 }

  test('knows only its own composition', async () => {
    const world = new World()
    const stranger = { ...world.asSession, composition: 'another' }
    const mismatch = {
      ok: false,
      refusal: { kind: 'CompositionMismatch', expected: 'meerkat-mob-seam', found: 'another' },
    }
    expect(await world.dispatcher.dispatch(stranger, bound)).toEqual(mismatch)
    expect(await dispatchThrough({ kind: 'standalone', composition: meerkatMobSeam }, stranger, bound)).toEqual(
      mismatch,
    )
  })

  test('refuses what no route begins with', async () => {
    const world = new World()
    expect(await world.dispatcher.dispatch(world.asMob, { type: 'WiringGraphChanged', epoch: 1 })).toEqual({
      ok: false,
      refusal: { kind: 'UnresolvedRoute', producer: 'mob', effect: 'WiringGraphChanged' },
    })
  })

  test('refuses an effect without a field that its route needs', async () => {
    const world = new World()
    expect(await world.dispatcher.dispatch(world.asSession, { type: 'RuntimeRetired', runtimeId: 'a1' })).toEqual({
      ok: false,
      refusal: { kind: 'MissingProducerField', route: 'runtime_retired_reaches_mob', field: 'fence' },
    })
  })

  test('refuses a consumer that nobody wired', async () => {
    const world = new World()
    const empty: Dispatcher = new CompositionDispatcher(meerkatMobSeam)
    expect(await empty.dispatch(world.asSession, bound)).toEqual({
      ok: false,
      refusal: { kind: 'UnwiredConsumer', route: 'runtime_bound_reaches_mob', consumer: 'mob' },
    })
  })

  test('serves a consumer by the surface that was registered last', async () => {
    const world = new World()
    const took: string[] = []
    const surface = (name: string): ConsumerSurface<MobInput> => ({
      apply: ({ type }) => {
        took.push(`${name} ${type}`)
        return { ok: true, effects: [] }
      },
    })
    world.dispatcher.register('mob', surface('first'))
    world.dispatcher.register('mob', surface('second'))
    await world.dispatcher.dispatch(world.asSession, bound)
    expect(took).toEqual(['second ObserveRuntimeReady'])
  })

  test('passes a refusal on if the producer will not take it in', async () => {
    const world = new World()
    world.dispatcher.register(
      'meerkat',
      sessionsSurface(() => undefined),
    )
    const stale: MobEffect = {
      type: 'RequestRuntimeRetire',
      identity: identity('gone'),
      runtimeId: runtimeId('g1'),
      fence: 1,
      sessionId: sessionId('s'),
    }
    expect(await world.dispatcher.dispatch(world.asMob, stale)).toMatchObject({
      ok: false,
      refusal: { kind: 'ConsumerRefused', code: 'routed_session_not_registered' },
    })
  })

  test('dispatches nothing of a command that was refused', async () => {
    const world = new World()
    const outcome = await world.command(retireA)
    expect(outcome).toMatchObject({ committed: { ok: false, code: 'guard-rejected' }, outcomes: [] })
  })
})

describe('a machine by itself', () => {
  const standalone: Binding = { kind: 'standalone', composition: meerkatMobSeam }

  test('has its signals skipped, and its requests reach nobody', async () => {
    const world = new World()
    const { committed, refused } = await world.spawn(standalone)
    expect(committed.ok).toBe(true)
    expect(refused).toMatchObject({ kind: 'UnwiredConsumer', consumer: 'meerkat' })
    world.applyToSession({
      type: 'PrepareBindings',
      sessionId: sessionId('s'),
      runtimeId: runtimeId('a1'),
      fence: 1,
      generation: 1,
    })
    expect(await world.deliver(standalone)).toEqual([
      { ok: true, outcome: 'skipped', route: 'runtime_bound_reaches_mob' },
    ])
    expect(world.member?.standing).toEqual({ marker: 'active', startup: 'bindingRequested' })
  })
})

describe('a composition', () => {
  type Two = {
    readonly one: { readonly input: { readonly type: 'Heard' }; readonly effect: { readonly type: 'Said' } }
    readonly other: { readonly input: { readonly type: 'Heard' }; readonly effect: { readonly type: 'Said' } }
  }
  const route = (id: string, producer: 'one' | 'other') =>
    routing<Two>()({
      id,
      kind: 'signal',
      producer,
      effect: 'Said',
      consumer: 'other',
      input: 'Heard',
      needs: [],
      bind: () => ({ type: 'Heard' }),
    })

  test('has one route for one effect, and one name for one route', () => {
    const routes =
      (...all: readonly ReturnType<typeof route>[]) =>
      () =>
        compose({ name: 'two', routes: all })
    expect(routes(route('a', 'one'), route('b', 'other'))).not.toThrow()
    expect(routes(route('a', 'one'), route('a', 'other'))).toThrow('two: route a is declared twice')
    expect(routes(route('a', 'one'), route('b', 'one'))).toThrow('two: a route of one/Said is declared twice')
  })
})
