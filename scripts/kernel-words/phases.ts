/** What each phase of a region of the session means. A phase without its line does not compile. */
import type { MeerkatState } from '../../src/kernel/state.ts'

type PhaseOf<Slice> = Slice extends { readonly phase: infer Phase extends string } ? Phase : never
/** The regions whose slice has a phase. */
type Phased = {
  [Name in keyof MeerkatState]: [PhaseOf<MeerkatState[Name]>] extends [never] ? never : Name
}[keyof MeerkatState]

export const PHASES: { readonly [Name in Phased]: Readonly<Record<PhaseOf<MeerkatState[Name]>, string>> } = {
  lifecycle: {
    initializing: 'not yet made',
    idle: 'no executor serves it; inputs are admitted and wait',
    attached: 'an executor serves it, or a host has placed it, and no run is current',
    running: 'a run is current; it remembers where the run came from',
    retired: 'admits no input; finishes those that it has',
    stopped: 'runs nothing until it is resumed; what waits keeps waiting',
    destroyed: 'over for ever',
  },
  registration: {
    queuing: 'no executor serves the session',
    active: 'an executor serves the session',
    draining: 'the registration is being torn down, or was, and there is no new one yet',
  },
  binding: { unbound: 'no host has placed the session', bound: 'a host has placed it, with a fence' },
  run: { none: 'no run is current', bound: 'a run is current, over the inputs that it names' },
  turn: {
    ready: 'no turn',
    applyingPrimitive: 'what the turn begins with is being put in place',
    callingLlm: 'the model is asked',
    waitingForOps: 'tools are called, or operations waited for',
    drainingBoundary: 'at a boundary: what was said is about to be committed, steers may join',
    extracting: 'the answer is being brought into its shape',
    errorRecovery: 'the model failed; a retry waits for its time',
    cancelling: 'the turn is being cut off',
    completed: 'the turn ended well; the run is about to end',
    failed: 'the turn ended by a failure, which it names',
    cancelled: 'the turn ended by a cancel',
  },
  llm: {
    unknown: 'the session’s model is not known',
    unresolved: 'a model whose abilities are not known',
    resolved: 'a model and its abilities',
  },
  ingress: {
    unattached: 'what peers send is not taken in',
    sessionOwned: 'the session’s own comms runtime takes in what peers send',
    mobOwned: 'a mob takes in what peers send',
  },
  supervisor: {
    unbound: 'no peer may command the session',
    bound: 'a peer, the supervisor, may command the session',
    revoking: 'the trust in the former supervisor is being taken back',
    rotatingOut: 'another takes over: the trust of the one before is being taken back',
    rotatingIn: 'another takes over: its own trust is being published',
  },
  drain: {
    inactive: 'no drain task was started',
    running: 'a task takes envelopes out of the inbox',
    stopped: 'the task was told to end, or ended for good',
    exitedRespawnable: 'the task ended and may be started again',
  },
  toolSurfaces: {
    operating: 'surfaces are added and removed',
    shutdown: 'all surfaces are being removed; none is added',
  },
  realtime: {
    idle: 'the model under the transport does not change',
    reconfiguring: 'the model is about to change',
    detached: 'the transport was detached for the change',
    hostIdentityApplied: 'the new model is in place',
    hostVisibilityApplied: 'the tools of the new model are in place, too',
  },
  productTurn: {
    idle: 'nothing is under way with the transport',
    awaitingProgress: 'the transport was sent something',
    committed: 'the transport has taken it in',
    outputStarted: 'the transport answers before it has taken everything in',
    preemptible: 'the transport answers, and may be cut short',
  },
  live: { unbound: 'no channel', bound: 'a client holds one' },
}
