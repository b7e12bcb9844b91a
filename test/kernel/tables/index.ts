import type { AuthState } from '../../../src/kernel/auth/state.ts'
import type { MobState } from '../../../src/kernel/mob/state.ts'
import type { MeerkatState } from '../../../src/kernel/state.ts'

interface Tables {
  readonly meerkat: Readonly<Record<keyof MeerkatState, string>>
  readonly auth: Readonly<Record<keyof AuthState, string>>
  readonly mob: Readonly<Record<keyof MobState, string>>
}

export const tables: Tables = {
  meerkat: {
    lifecycle: 'tables/lifecycle.test.ts',
    registration: 'tables/registration.test.ts',
    binding: 'tables/binding.test.ts',
    ledger: 'tables/ledger.test.ts',
    endings: 'tables/endings.test.ts',
    run: 'tables/run.test.ts',
    turn: 'tables/turn.test.ts',
    calls: 'tables/calls.test.ts',
    transcript: 'tables/transcript.test.ts',
    operations: 'tables/operations.test.ts',
    schedules: 'tables/schedules.test.ts',
    llm: 'llm.test.ts',
    visibility: 'visibility.test.ts',
    routing: 'routing.test.ts',
    ingress: 'ingress.test.ts',
    trust: 'trust.test.ts',
    interactions: 'interactions.test.ts',
    supervisor: 'supervisor.test.ts',
    drain: 'drain.test.ts',
    comms: 'comms.test.ts',
    streams: 'streams.test.ts',
    context: 'streams.test.ts',
    mcpServers: 'mcp-servers.test.ts',
    toolSurfaces: 'tool-surfaces.test.ts',
    realtime: 'realtime.test.ts',
    productTurn: 'product-turn.test.ts',
    live: 'live.test.ts',
  },
  auth: { lease: 'auth.test.ts', flows: 'tables/auth-flows.test.ts', polls: 'tables/auth-polls.test.ts' },
  mob: {
    lifecycle: 'tables/mob-lifecycle.test.ts',
    roster: 'tables/mob-roster.test.ts',
    spawns: 'tables/mob-spawns.test.ts',
    ingress: 'tables/mob-ingress.test.ts',
    kickoffs: 'tables/mob-kickoffs.test.ts',
    wiring: 'tables/mob-wiring.test.ts',
    work: 'tables/mob-work.test.ts',
    flows: 'tables/mob-flows.test.ts',
  },
}
