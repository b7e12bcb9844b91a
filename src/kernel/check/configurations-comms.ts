import type { MeerkatInput } from '../inputs.ts'
import { accept, attached, initialized, interruption, registrations, service, teardown } from './alphabet.ts'
import {
  contexts,
  drains,
  exchanges,
  ingresses,
  peers,
  reconciliations,
  streamsOf,
  supervisedOverlays,
  supervision,
  traffic,
} from './alphabet-comms.ts'
import { always, type Configuration } from './configuration.ts'

/** Inputs that lead into each phase except `initializing`, and no others: for regions that read only the phase. */
const phases: readonly MeerkatInput[] = [
  ...service,
  accept('a'),
  interruption,
  { type: 'Retire' },
  { type: 'RuntimeExecutorExited' },
  { type: 'Resume' },
  { type: 'Destroy' },
]

/** The same with the registration, its end, and a change of the session's id. */
const identities: readonly MeerkatInput[] = [
  { type: 'Reset' },
  { type: 'StopRuntimeExecutor', reason: 'asked' },
  ...registrations.slice(0, 1),
  ...registrations.slice(2, 3),
  ...teardown,
  ...phases,
]

const of = (name: string, about: string, inputs: readonly MeerkatInput[]): Configuration => ({
  name,
  about,
  prefix: initialized,
  inputs: always([...identities, ...inputs]),
})

const drain = of(
  'drain',
  'A comms drain in every mode and with every end, through every phase of its session. It sees nothing of the session but its phase and registration.',
  drains,
)

const ingress = of(
  'ingress',
  'Two comms runtimes and two mobs that want to take in what peers send, through every phase and identity of the session. Guards only compare names, so two of each are enough.',
  ingresses,
)

const interactions = of(
  'interactions',
  'One request in each direction, under the same name, with every end, through every phase and identity. One is enough: requests do not see each other.',
  exchanges,
)

const streams = of(
  'streams',
  'A stream with every end, and another one beside it, through every phase of its session, with the session-context watermark at two times.',
  [...streamsOf('x'), ...streamsOf('y').slice(0, 1), ...contexts],
)

/** A served session, so that the walk explores peers and not phases. */
const trust: Configuration = {
  name: 'trust',
  about:
    'Two peers, one of them at two addresses, overlays in two epochs, and the reconciliation of this process with them up to the third change. Guards compare epochs with the newest only, so three are enough.',
  prefix: attached,
  inputs: ({ trust: { epoch } }) => (epoch < 3 ? knowing : knowingNoMore),
}
const knowingNoMore: readonly MeerkatInput[] = [...reconciliations, ...phases, ...registrations.slice(2, 3)]
const knowing: readonly MeerkatInput[] = [...knowingNoMore, ...peers]

const judging = of(
  'comms',
  'Every envelope, and every question about what comes in and is taken out, in every phase, with an intent that is silent and one that is not. No judgement depends on another: only where the newest stands is remembered.',
  [...traffic, { type: 'SetSilentIntents', sessionId: 's' as never, intents: ['hush'] }],
)

const supervised: Configuration = {
  name: 'supervisor',
  about:
    'A supervisor in two epochs and another one: binding, authorising, revoking and one rotation, with every question in every phase. One rotation: a second sees of the first nothing but that its name is taken.',
  prefix: attached,
  inputs: always([...phases, ...supervision]),
}

const overlays: Configuration = {
  name: 'supervised-overlays',
  about:
    'The one pair of supervision and trust that decides something together: whose word on a mob’s wiring counts. A supervisor that comes and goes beside right, stale, misdirected and untrue words in two overlay epochs.',
  prefix: attached,
  inputs: ({ trust: { epoch } }) => (epoch < 3 ? wiring : wiringNoMore),
}
const wiringNoMore: readonly MeerkatInput[] = [
  { type: 'Resume' },
  ...supervision.filter(({ type }) => type === 'BindSupervisor' || type === 'RevokeSupervisor'),
  ...supervision.filter(({ type }) => type === 'SupervisorTrustEdgeRevoked' || type === 'AuthorizeSupervisor'),
]
const wiring: readonly MeerkatInput[] = [...wiringNoMore, ...supervisedOverlays, ...peers.slice(0, 2), ...phases]

/** All of them. */
export function commsConfigurations(): readonly Configuration[] {
  return [drain, ingress, interactions, streams, trust, judging, supervised, overlays]
}
