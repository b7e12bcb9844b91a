import {
  classifyRuntimeLifecycleDurableState,
  classifyRuntimeLifecycleState,
  classifyRuntimeLoopQueueAdmission,
  type DurableLifecyclePhase,
  type InputPhase,
  type InputPublicLifecycle,
  type InputPublicTerminalOutcome,
  type LifecyclePhase,
  type PreRunPhase,
  type RuntimeLifecycleFacts,
  resolveInputPublicLifecycleProjection,
  resolveInputPublicStateProjection,
  resolveVisibleRuntimePhase,
  type Terminal,
} from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'

const entries = <K extends string, V>(table: Readonly<Record<K, V>>): readonly (readonly [K, V])[] =>
  (Object.keys(table) as K[]).map(key => [key, table[key]] as const)

describe('what a phase allows', () => {
  type Row = readonly [
    accepts: boolean,
    processes: boolean,
    prepares: boolean,
    ingress: RuntimeLifecycleFacts['ingress'],
  ]
  const table: Record<LifecyclePhase, Row> = {
    initializing: [false, false, false, 'open'],
    idle: [true, true, true, 'open'],
    attached: [true, true, true, 'open'],
    running: [true, false, false, 'open'],
    retired: [false, true, false, 'not-ready'],
    stopped: [false, false, false, 'not-ready'],
    destroyed: [false, false, false, 'destroyed'],
  }
  test.each(entries(table))('%s', (state, [canAcceptInput, canProcessQueue, canPrepareRun, ingress]) => {
    expect(classifyRuntimeLifecycleState(state)).toEqual({
      state,
      isTerminal: state === 'destroyed',
      canAcceptInput,
      canProcessQueue,
      canPrepareRun,
      ingress,
    })
  })
})

describe('what of a phase survives a restart', () => {
  type Expected = DurableLifecyclePhase | 'refused'
  const table: Record<LifecyclePhase, Record<'none' | PreRunPhase, Expected>> = {
    initializing: { none: 'initializing', idle: 'refused', attached: 'refused', retired: 'refused' },
    idle: { none: 'idle', idle: 'refused', attached: 'refused', retired: 'refused' },
    attached: { none: 'idle', idle: 'refused', attached: 'refused', retired: 'refused' },
    running: { none: 'idle', idle: 'idle', attached: 'idle', retired: 'retired' },
    retired: { none: 'retired', idle: 'retired', attached: 'retired', retired: 'retired' },
    stopped: { none: 'stopped', idle: 'refused', attached: 'refused', retired: 'refused' },
    destroyed: { none: 'destroyed', idle: 'refused', attached: 'refused', retired: 'refused' },
  }
  for (const [state, row] of entries(table)) {
    test.each(entries(row))(`${state}, its run returning to %s`, (preRun, expected) => {
      const verdict = classifyRuntimeLifecycleDurableState({ state, ...(preRun !== 'none' && { preRun }) })
      if (expected === 'refused') expect(verdict).toMatchObject({ ok: false, kind: 'guard-rejected', phase: state })
      else expect(verdict).toEqual({ ok: true, value: expected })
    })
  }
})

describe('what the loop may do with the queue', () => {
  type Expected = 'blocked' | 'allocate' | 'prebound' | 'refused'
  const table: Record<LifecyclePhase, Record<'unbound' | 'bound', Expected>> = {
    initializing: { unbound: 'blocked', bound: 'refused' },
    idle: { unbound: 'allocate', bound: 'refused' },
    attached: { unbound: 'allocate', bound: 'refused' },
    running: { unbound: 'blocked', bound: 'prebound' },
    retired: { unbound: 'allocate', bound: 'refused' },
    stopped: { unbound: 'blocked', bound: 'refused' },
    destroyed: { unbound: 'blocked', bound: 'refused' },
  }
  const plans = {
    blocked: { canProcessQueue: false, usesPreboundRun: false },
    allocate: { canProcessQueue: true, usesPreboundRun: false },
    prebound: { canProcessQueue: true, usesPreboundRun: true },
  }
  for (const [state, row] of entries(table)) {
    test.each(entries(row))(`${state}, current run %s`, (run, expected) => {
      const verdict = classifyRuntimeLoopQueueAdmission({ state, currentRunBound: run === 'bound' })
      if (expected === 'refused') expect(verdict).toMatchObject({ ok: false, kind: 'guard-rejected', phase: state })
      else expect(verdict).toEqual({ ok: true, value: plans[expected] })
    })
  }
})

describe('the phase that callers see', () => {
  /** Kernel phase, then published phase: what is visible with a store behind it. */
  const table: Record<LifecyclePhase, Record<LifecyclePhase, 'kernel' | 'control'>> = {
    initializing: row('kernel', 'kernel', 'kernel', 'control', 'control', 'control', 'control'),
    idle: row('kernel', 'kernel', 'kernel', 'control', 'control', 'control', 'control'),
    attached: row('kernel', 'kernel', 'kernel', 'control', 'control', 'control', 'control'),
    running: row('kernel', 'kernel', 'kernel', 'kernel', 'control', 'control', 'control'),
    retired: row('control', 'control', 'control', 'control', 'kernel', 'control', 'control'),
    stopped: row('control', 'control', 'control', 'control', 'control', 'kernel', 'control'),
    destroyed: row('control', 'control', 'control', 'control', 'control', 'control', 'kernel'),
  }
  type Side = 'kernel' | 'control'
  function row(
    initializing: Side,
    idle: Side,
    attached: Side,
    running: Side,
    retired: Side,
    stopped: Side,
    destroyed: Side,
  ) {
    return { initializing, idle, attached, running, retired, stopped, destroyed }
  }
  for (const [kernel, columns] of entries(table)) {
    test.each(entries(columns))(`${kernel}, published %s`, (control, side) => {
      const visible = side === 'kernel' ? kernel : control
      expect(resolveVisibleRuntimePhase({ kernel, control, hasPersistence: true })).toEqual({
        publishControl: side === 'control',
        selectedRawPhase: visible,
        visiblePhase: visible,
      })
      expect(resolveVisibleRuntimePhase({ kernel, control, hasPersistence: false })).toMatchObject({
        publishControl: false,
        visiblePhase: kernel,
      })
    })
  }

  test('a run of a session that was retired meanwhile shows as retired, on either side', () => {
    const retiring = { kernel: 'running', kernelPreRun: 'retired', control: 'retired', hasPersistence: true } as const
    expect(resolveVisibleRuntimePhase(retiring)).toEqual({
      publishControl: false,
      selectedRawPhase: 'running',
      visiblePhase: 'retired',
    })
    const published = { kernel: 'idle', control: 'running', controlPreRun: 'retired', hasPersistence: true } as const
    expect(resolveVisibleRuntimePhase(published)).toEqual({
      publishControl: true,
      selectedRawPhase: 'running',
      visiblePhase: 'retired',
    })
  })
})

describe('what callers are told of an input', () => {
  const table: Record<
    InputPhase,
    { readonly shown: InputPublicLifecycle; readonly outcome?: InputPublicTerminalOutcome }
  > = {
    accepted: { shown: 'accepted' },
    queued: { shown: 'queued' },
    carried: { shown: 'queued' },
    staged: { shown: 'staged' },
    applied: { shown: 'applied' },
    consumed: { shown: 'consumed', outcome: 'completed' },
    superseded: { shown: 'superseded', outcome: 'superseded' },
    coalesced: { shown: 'coalesced', outcome: 'coalesced' },
    withdrawn: { shown: 'withdrawn', outcome: 'cancelled' },
    abandoned: { shown: 'abandoned', outcome: 'abandoned' },
  }
  const KINDS: Record<Terminal['status'], true> = {
    consumed: true,
    superseded: true,
    coalesced: true,
    withdrawn: true,
    abandoned: true,
  }
  test.each(entries(table))('%s', (phase, { shown, outcome }) => {
    expect(resolveInputPublicLifecycleProjection(phase)).toBe(shown)
    const ended = outcome !== undefined
    const abandonReason = phase === 'abandoned' ? ({ abandonReason: 'reset' } as const) : {}
    const question = { phase, ...(ended && { terminalKind: phase as Terminal['status'] }), ...abandonReason }
    expect(resolveInputPublicStateProjection(question)).toEqual({
      ok: true,
      value: { lifecycle: shown, isTerminal: ended, ...(ended && { terminalOutcome: outcome }) },
    })
    for (const [terminalKind] of entries(KINDS)) {
      if (terminalKind === phase) continue
      expect(resolveInputPublicStateProjection({ ...question, terminalKind })).toMatchObject({ ok: false })
    }
  })

  test('an input that was cancelled says so', () => {
    const cancelled = { phase: 'abandoned', terminalKind: 'abandoned', abandonReason: 'cancelled' } as const
    expect(resolveInputPublicStateProjection(cancelled)).toMatchObject({ value: { terminalOutcome: 'cancelled' } })
  })

  test.each([
    ['an end without its kind', { phase: 'consumed' }],
    ['an abandonment without a reason', { phase: 'abandoned', terminalKind: 'abandoned' }],
    ['a reason without an abandonment', { phase: 'consumed', terminalKind: 'consumed', abandonReason: 'reset' }],
    ['a reason before the end', { phase: 'queued', abandonReason: 'reset' }],
  ] as const)('%s is refused', (_, question) => {
    expect(resolveInputPublicStateProjection(question)).toMatchObject({ ok: false, kind: 'guard-rejected' })
  })
})
