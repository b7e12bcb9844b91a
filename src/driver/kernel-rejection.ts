/** What the kernel refused, for people: what was asked, why it is not possible now, and what leads out. */
import { MeerkatError } from '../errors.ts'
import { phaseShown } from '../kernel/regions/lifecycle/table.ts'
import type { MeerkatFacts } from '../kernel/state.ts'
import type { Rejection } from '../kernel/step.ts'

/** A refusal of the kernel on its way to the caller. */
export class KernelRejection extends MeerkatError {
  readonly rejection: Rejection

  constructor(rejection: Rejection, state: Pick<MeerkatFacts, 'lifecycle'>) {
    const { kind, context, unmet = [] } = rejection
    const isOfSession = rejection.phase === state.lifecycle.phase
    const phase = isOfSession ? phaseShown(state) : rejection.phase
    // It is called retired, and its last run is in the way.
    const isEnding = phase !== rejection.phase
    const asked = inWords(context.slice(context.lastIndexOf('/') + 1))
    // A wrong phase is the session's state and may change; a false guard is about this request.
    if (kind === 'no-matching-transition') {
      const reason = `${asked} is not possible while the session is ${phase}${isEnding ? ' and its last run goes on' : ''}`
      super('not-ready', `${reason}: ${WAYS[rejection.phase] ?? EXPLAIN}`, {
        details: { kind, phase, reason, context },
      })
    } else {
      const reason = unmet.map(guard => GUARDS[guard] ?? `what it needs is not so (${guard})`).join(', or ')
      const details = { kind, phase, reason: reason === '' ? rejection.reason : reason, guards: unmet, context }
      super('rejected', `${asked} was refused: ${details.reason}; ${EXPLAIN}`, { details })
    }
    this.rejection = rejection
  }
}

const EXPLAIN = '`session/explain` says what the session does and waits for'

/** What to do first, by the phase that is in the way. */
const WAYS: Readonly<Record<string, string>> = {
  initializing: 'open it first (`session/open`)',
  running: 'wait for the end of its run, or end that first (`run/cancel`)',
  stopped: 'resume it first (`session/resume`)',
  retired: 'what was retired goes on after `session/reset` or `session/recycle`',
  destroyed: 'nothing leads back from there, so open another one (`session/open`)',
}

/** What callers of operations may meet, by the guard's name; the others are met by hosts, who find them in docs/kernel. */
const GUARDS: Readonly<Record<string, string>> = {
  notDraining: 'the host of the session is leaving it, ask again in a moment',
  admitsWork: 'the session takes no new work, or its host is leaving it',
  isRegistered: 'the session is not registered',
  isCurrentRun: 'the run is not the current one, it has ended or never began',
  isNewOperation: 'the id of the operation is taken',
  belowCapacity: 'as many operations are under way as may be',
  isUnfinished: 'the operation has ended, or there is none of that id',
  isRunning: 'the operation does not run, or there is none of that id',
  isUnderWay: 'the operation is not under way, or there is none of that id',
}

/** `StopRuntimeExecutor` as `stop runtime executor`. */
function inWords(name: string): string {
  return NAMES[name] ?? name.replaceAll(/(?<=[a-z\d])(?=[A-Z])/g, ' ').toLowerCase()
}

const NAMES: Readonly<Record<string, string>> = { StopRuntimeExecutor: 'stop' }
