/** What the inputs and phases of a mob's machine mean, for its pages. One without its line does not compile. */
import type { MobInput } from '../../src/kernel/mob/inputs.ts'
import type { MobPhase } from '../../src/kernel/mob/lifecycle/state.ts'

export const MOB_INPUTS: Readonly<Record<MobInput['type'], string>> = {
  // lifecycle
  BindCoordinator: 'a coordinator acts for the mob from now on: it may spawn members and start flow runs',
  UnbindCoordinator: 'the coordinator is gone; what is under way goes on, and nothing new begins',
  Stop: 'the mob rests until it is resumed; refused while a flow run is unfinished',
  Resume: 'the mob works again; what was still to be arranged outside it (ingress, trust) is asked for once more',
  Complete: 'the mob’s task is done: unfinished flow runs are cancelled, its members stay and can be asked',
  Reset: 'every member leaves, everything under way is dropped, and the mob begins anew',
  Destroy: 'ends the mob for ever, with all its members',
  ObserveRuntimeDestroyed:
    'the session of a member was destroyed from outside the mob: the mob can’t go on without it and is destroyed; if the mob had given that session back before, it goes on',
  // roster
  PublishMemberEndpoint: 'says at which address the peers of a member reach it',
  ObserveRuntimeReady: 'the runtime that serves a member is ready: the member may be given work',
  ObserveRuntimeRetired: 'the runtime that served a member has retired: the member leaves the mob',
  RestoreBinding:
    'asks once more for a runtime for a member’s session: after a refusal, or when its process was replaced',
  Retire: 'asks a member to leave, with its session or without',
  ResolveRuntimeBindingRefusal: 'the process that was to serve a member refused to',
  ResolveRuntimeRetireRefusal: 'the process that serves a member refused to retire it',
  // spawns
  AuthorizeSpawnProfile:
    'says as which profile an identity may be spawned, with a digest of what the profile is made of',
  BeginSpawnExec: 'opens the spawn of a member as it was authorised; its number must be the next one',
  CommitSpawnMembership: 'the spawn was performed: the identity is a member from now on',
  CommitSpawnActivation: 'the new member may begin to work',
  AbortSpawnExec: 'the process that performs a spawn gives it up, before there is a member',
  CancelPendingSpawn: 'the coordinator takes back a spawn, before there is a member',
  Respawn:
    'opens the spawn of a new incarnation of an identity that left: a new runtime, the next number, the same wires',
  // ingress
  ObserveSessionIngressDetached: 'a session that was given back sends what it hears to the mob no longer',
  // kickoffs
  MarkKickoffPending: 'a member that works on its own is to be given its first turn',
  MarkKickoffStarting: 'its first turn is being started',
  MarkKickoffCallbackPending: 'its first turn waits for an answer from outside',
  MarkKickoffStarted: 'its first turn has started',
  MarkKickoffFailed: 'its first turn could not be started',
  CancelKickoff: 'its first turn is not wanted any more; if it ended before, nothing changes',
  // wiring
  WireMembers: 'two members may talk to each other, and are to trust each other where that is asked for',
  UnwireMembers: 'two members may not talk to each other any more',
  ObserveMemberTrustWired: 'two wired members trust each other now',
  WireExternalPeer: 'a member may talk to a peer that is not of the mob',
  UnwireExternalPeer: 'a member may not talk to that peer any more',
  // work
  SubmitWork: 'gives a member a piece of work; from outside the mob only where the member may be addressed from there',
  ResolveRuntimeIngressRefusal: 'the runtime of the member refused a piece of work: it is over',
  ObserveWorkSettled: 'the runtime of the member is done with a piece of work, whatever came of it',
  CancelAllWork: 'takes all its work from a member, and cancels the flow runs that wait for it',
  // flows
  CreateRunSeed: 'records a flow run and its steps, to be started later',
  RunFlow: 'starts a flow run that was recorded before, or one of the steps given',
  StartStep: 'hands a step that is ready to the members that are to do it',
  CompleteStep:
    'one of these members is done; with enough of them the step is complete, and the steps after it are ready',
  FailStep:
    'one of these members failed, or the whole attempt: the step goes on, is tried again, asks for help or fails, as its flow says',
  SkipStep: 'a step is not done, because its condition does not hold',
  CancelFlow: 'ends a flow run that is unfinished',
}

export const MOB_PHASES: { readonly lifecycle: Readonly<Record<MobPhase, string>> } = {
  lifecycle: {
    running: 'members are spawned and do their work',
    stopped: 'at rest: its members stay, and nothing new begins until it is resumed',
    completed: 'its task is done: its members stay and can be asked; a reset begins anew',
    destroyed: 'over for ever',
  },
}
