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
    idle: 'nobody serves it; inputs are admitted and wait',
    attached: 'an executor serves it, or a host has placed it, and no run is current',
    running: 'a run is current; it remembers where the run came from',
    retired: 'admits nothing; works off what it has',
    stopped: 'runs nothing until it is resumed; what waits keeps waiting',
    destroyed: 'over for ever',
  },
  registration: {
    queuing: 'no executor serves it',
    active: 'an executor does',
    draining: 'it is being torn down, or was and nobody has registered it since',
  },
  binding: { unbound: 'no host has placed it', bound: 'a host has, with a fence' },
  run: { none: 'no run is current', bound: 'one is, over the inputs that it names' },
  turn: {
    ready: 'no turn',
    applyingPrimitive: 'what the turn begins with is being put in place',
    callingLlm: 'the model is asked',
    waitingForOps: 'tools are called, or operations waited for',
    drainingBoundary: 'at a boundary: what was said is about to be committed, steers may join',
    extracting: 'the answer is being brought into its shape',
    errorRecovery: 'the model failed; a retry waits for its time',
    cancelling: 'being cut off',
    completed: 'ended well; the run is about to say so',
    failed: 'ended by a failure, which it names',
    cancelled: 'ended by a cancel',
  },
  llm: {
    unknown: 'no model',
    unresolved: 'a model whose abilities are not known',
    resolved: 'a model and its abilities',
  },
  ingress: {
    unattached: 'nobody takes in what peers send',
    sessionOwned: 'the session’s own comms runtime does',
    mobOwned: 'a mob does',
  },
  supervisor: {
    unbound: 'no peer may command the session',
    bound: 'one may',
    revoking: 'its trust is being taken back',
    rotatingOut: 'another takes over: the trust of the one before is being taken back',
    rotatingIn: 'another takes over: its own trust is being published',
  },
  drain: {
    inactive: 'no task',
    running: 'a task takes envelopes out of the inbox',
    stopped: 'it was told to end, or ended for good',
    exitedRespawnable: 'it ended and may be started again',
  },
  toolSurfaces: { operating: 'surfaces come and go', shutdown: 'all are to go; none comes' },
  realtime: {
    idle: 'the model under the transport does not change',
    reconfiguring: 'it is about to',
    detached: 'the transport was let go for it',
    hostIdentityApplied: 'the new model is in place',
    hostVisibilityApplied: 'its tools are, too',
  },
  productTurn: {
    idle: 'nothing is under way with the transport',
    awaitingProgress: 'something was said to it',
    committed: 'it has taken that in',
    outputStarted: 'it answers before it has taken all in',
    preemptible: 'it answers and may be cut short',
  },
  live: { unbound: 'no channel', bound: 'a client holds one' },
}
