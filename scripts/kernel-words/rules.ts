/**
 * What keeps each invariant of the session true, besides the checks that every page names. test/kernel/docs.test.ts
 * fails for an invariant without its line.
 */
export const KEPT_BY: Readonly<Record<string, string>> = {
  'running-is-registered': 'guard `isRegistered` of `Prepare` and `DrainQueuedRun`; `UnregisterSession` ends the run',
  'executor-serves-a-registered-session':
    'guard `isThisSession` of `EnsureSessionWithExecutor`; the drain window ends service first',
  'unregistered-after-drain': 'guard `allObligationsClosed` of `UnregisterSession`',
  'epoch-requires-registered-session':
    'the verdict of `Reset`, which names an epoch for a registered session only; `UnregisterSession` leaves none',
  'binding-identity-is-typed': 'guard `hasGenerationOrEpoch` of `PrepareBindings`',
  'binding-requires-registered-session': 'guard `sameSession` of `PrepareBindings`; `UnregisterSession` unbinds',
  'lanes-hold-queued-inputs':
    'one pair of functions, `enqueue` and `dequeue`, through which every entry enters and leaves a lane; on disk lanes have no slots of their own',
  'staged-inputs-belong-to-the-run':
    'the verdict of `Prepare`, one batch for run and ledger; what ends a run ends or returns its contributors',
  'carried-inputs-have-a-carrier': '`returnGroup`, which alone lets an input carry others, and writes both sides',
  'waking-counts-queued-work': '`enqueue`, `dequeue` and `wakeAll`, which count; on disk the count is left out',
  'attempts-are-bounded': '`givenUpBy`: a rollback after the last attempt ends the work',
  'given-up-inputs-left-the-ledger':
    '`GiveUpQueued`, which both regions follow, and guard `isNew` of `AcceptInput`, which looks into both',
  'given-up-inputs-end-with-a-head': '`EndGivenUp`, which takes heads with what they carry',
  'run-has-contributors': 'guards `canPrepare` and `canHear`, one of which every start of a run passes',
  'contributors-are-distinct':
    'a batch is taken from one lane, where each input stands once; steers that join were waiting',
  'extractions-are-bounded': 'guard `extractionsLeft` of `ExtractionValidationFailed/again`',
  'unsettled-counts-waiting-calls': '`put` and `forget`, the only ways to change a call; on disk the count is left out',
  'dispatched-calls-belong-to-the-run':
    'guards `isCurrentRun` and `areOwed`; what ends a run settles what is in flight',
  'calls-belong-to-unfinished-work': 'every end of an input is followed by `calls`, which forgets its own',
  'context-within-transcript': 'guard `coversNew` of `CompactTranscript`',
  'active-counts-unfinished-operations':
    '`register` and `end`, the only ways in and out; on disk the count is left out',
  'feed-holds-ended-operations':
    '`end`, which numbers, and `forget`, which drops from both; on disk the feed is left out',
  'completions-are-bounded': '`end`, which drops the oldest beyond the bound',
  'cursors-follow-completions': 'guard `hasHappened` of `AdvanceOperationCursor`',
  'wait-belongs-to-the-run':
    'guard `isCurrentRun` of `WaitAllOperations`; the wait lasts as long as the run, and ends with the last operation it names',
  'peers-are-member-children': 'guards `startedOperation` and `expectsPeer` of `OperationPeerReady`',
  'schedules-need-a-session-that-goes-on':
    'guards `isRegistered`, `notDraining` and `notRetiring` of `CreateSchedule`; lifetime',
  'llm-is-of-a-session': 'guard `isRegistered` of what names a model; lifetime',
  'named-tools-have-a-provider': 'the guards that look into the catalogue: of what names tools, and of a new catalogue',
  'revisions-tell-visible-sets-apart': 'one count that every new set takes its revision from',
  'visibility-is-of-a-session': 'guard `isRegistered`; lifetime',
  'one-image-override': '`activateImage` and `endImage`, which write both sides',
  'overrides-need-a-baseline': 'guards of what begins a switch or an image operation',
  'overrides-last-some-turns': '`AdmitModelRoutingAssistantTurn`, whose rows end an override with its last turn',
  'routing-is-of-a-session': 'guard `isRegistered` of every row that begins something; lifetime',
  'ingress-belongs-to-a-registered-session': 'guard `isRegistered` of both attachments; lifetime',
  'an-overlay-has-an-epoch': 'an overlay is only ever written together with its epoch',
  'interactions-have-an-owner': 'guard `isRegistered` of what begins one; lifetime',
  'a-rotation-leads-on': 'the epoch that a rotation is submitted with is compared in its guards',
  'a-rotation-under-way-has-no-receipt': 'a receipt is written by the row that ends the rotation',
  'receipts-are-bounded': 'the row that writes one drops the oldest beyond the bound',
  'reconciled-is-not-ahead': 'guard of `PeerProjectionReconciled`: the epoch is one that there was',
  'streams-need-a-registered-session': 'guard `isRegistered` of `InteractionStreamReserved`; lifetime',
  'mcp-servers-need-a-registered-session': 'guard `isRegistered` of what begins a connection; lifetime',
  'surfaces-need-a-registered-session': 'guard `isRegistered` of what names a surface; lifetime',
  'surface-aligned-epoch-was-reached': 'guard of `SurfaceSnapshotAligned`',
  'surface-shutdown-begins-nothing':
    '`SurfaceShutdown`, which drops what is staged, and phase `operating` of what stages',
  'surface-removal-has-no-successor': 'the rows of `SurfaceApplyBoundary`, which begin one thing a surface',
  'surface-generations-retire-with-calls': '`changes.ts`, where the last call of a generation takes it along',
  'realtime-needs-a-registered-session': 'guard `isRegistered` of what binds; lifetime',
  'realtime-epoch-was-given': 'every authority takes the next number of one count',
  'live-topology-past-detach-is-unbound':
    '`MarkLiveTopologyDetached` unbinds, and nothing binds before the change is done',
  'product-turn-defers-while-in-flight': 'the row that ends a turn ends the deferral',
  'live-channel-needs-a-registered-session': 'guard `isRegistered` of `ResolveLiveOpenAdmission`; lifetime',
  'run-iff-running':
    '`lifecycle` and `run` move by the same inputs: `Prepare` and `DrainQueuedRun` in, what ends a run out',
  'turn-belongs-to-run': 'guard `isCurrentRun` of what begins a turn; the turn lasts as long as the run',
  'ended-owes-nothing': '`Destroy`, which `ledger` and `calls` follow',
  'operations-have-an-owner': 'guard `isRegistered` of `RegisterOperation`; `UnregisterSession` and `Destroy` end them',
  'attached-has-executor-or-binding':
    '`PrepareBindings` and `EnsureSessionWithExecutor` lead in; what takes executor or binding away leads out',
}
