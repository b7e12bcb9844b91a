/**
 * The tour: shows what a durable session is, on a real worker process that is killed with SIGKILL during a run.
 *
 * Only the order of events is planned. Every claim is read back from the store before it is printed.
 */

import { defined } from '../../../defined.ts'
import { MeerkatError } from '../../../errors.ts'
import { FINAL_INPUT_EVENTS } from '../../../input-events.ts'
import { duration } from '../output.ts'
import type { EventView, InputView } from '../views.ts'
import type { Stage } from './stage.ts'
import { Worker } from './worker.ts'

const WAIT_MS = 20_000

/** A guided tour over one store, with one worker after another. */
export class Tour {
  readonly #stage: Stage
  readonly #folder: string
  #worker: Worker
  /** Every input that was accepted, with its session. */
  readonly #accepted: { readonly sessionId: string; readonly inputId: string }[] = []

  constructor(stage: Stage, folder: string) {
    this.#stage = stage
    this.#folder = folder
    this.#worker = new Worker(folder)
  }

  async run(): Promise<void> {
    await this.#welcome()
    await this.#durableTurn()
    await this.#steering()
    await this.#crash()
    await this.#proof()
  }

  async close(): Promise<void> {
    await this.#worker.kill()
  }

  async #welcome(): Promise<void> {
    const stage = this.#stage
    await stage.chapter('meerkat: sessions of AI agents that survive')
    await stage.say('A worker process runs agents on one SQLite file. We talk to it, and then we kill it.')
    await stage.say('The model is a script (demo/agent), so no key is needed. Everything else is real.')
    const { store } = await this.#worker.ask('runtime/info', {})
    await stage.fact(`worker ${this.#worker.pid} runs on ${store}`)
  }

  async #durableTurn(): Promise<void> {
    const stage = this.#stage
    await stage.chapter('1  A turn is durable before anyone hears of it')
    await this.#open('incident-42')
    await stage.type('meerkat run --session incident-42 "what time is it and add 6 and 36"')
    const inputId = await this.#send('incident-42', 'what time is it and add 6 and 36', { idempotencyKey: 'page-9911' })
    await stage.fact(`accepted: input ${short(inputId)} is on disk; now the agent may begin`)
    await this.#watch('incident-42', inputId)
    const again = await this.#worker.ask('input/send', {
      sessionId: 'incident-42',
      content: 'what time is it and add 6 and 36',
      idempotencyKey: 'page-9911',
    })
    await stage.say('The network hiccups and the same request comes twice? Its idempotency key binds for ever:')
    await stage.fact(
      `${again.outcome}: still input ${short(again.inputId)}, already ${again.status}, answered once`,
      'good',
    )
  }

  async #steering(): Promise<void> {
    const stage = this.#stage
    const sessionId = 'incident-42'
    await stage.chapter('2  You can speak while it works')
    const prompt = `wait ${stage.span(4500, 500)} ms and take 9 steps`
    await stage.type(`meerkat run --session ${sessionId} "${prompt}"`)
    const cursor = await this.#cursor(sessionId)
    const work = await this.#send(sessionId, prompt)
    await this.#until(sessionId, cursor, event => event.type === 'tool.started')
    await stage.type(`meerkat steer ${sessionId} "enough, sum it up"`)
    const steer = await this.#send(sessionId, 'enough, sum it up', { mode: 'steer' })
    await stage.type(`meerkat send ${sessionId} "say and this is the next turn"`)
    const next = await this.#send(sessionId, 'say and this is the next turn')
    await this.#watch(sessionId, work)
    await this.#ended(sessionId, steer)
    await this.#watch(sessionId, next)
    const [steered, queued] = await Promise.all([this.#input(sessionId, steer), this.#input(sessionId, next)])
    await stage.fact(`the steer: ${receiptText(steered)}`, 'good')
    await stage.fact(`the queued one: a run of its own, ${queued.status}`, 'good')
  }

  async #crash(): Promise<void> {
    const stage = this.#stage
    await stage.chapter('3  Now we kill it')
    await stage.say('Three sessions call a slow tool each. The tools differ in one word: what becomes of a lost call.')
    for (const [policy, { text }] of Object.entries(POLICIES)) await stage.fact(`${policy.padEnd(8)} ${text}`)
    await stage.say('Behind each call a second input waits. When all three calls are out, no mercy:')
    const cursors = await this.#sendOut(stage.span(3500, 300))
    await stage.type(`kill -9 ${this.#worker.pid}`)
    await this.#worker.kill()
    await stage.fact('the worker is gone: no goodbye, no flush, no handler', 'bad')
    await stage.say('A new worker opens the same file and takes up what is owed.')
    const startedAt = performance.now()
    this.#worker = new Worker(this.#folder)
    await this.#worker.ask('runtime/info', {})
    await stage.fact(`worker ${this.#worker.pid} is up after ${duration(performance.now() - startedAt)}`)
    await this.#afterCrash(cursors)
  }

  /**
   * Sends two inputs for each policy, and waits until the first one's call is under way. Answers where each session's
   * log ended before.
   */
  async #sendOut(ms: number): Promise<ReadonlyMap<string, string>> {
    const cursors = new Map<string, string>()
    for (const [sessionId, { prompt }] of Object.entries(POLICIES)) {
      await this.#open(sessionId)
      cursors.set(sessionId, await this.#cursor(sessionId))
      await this.#send(sessionId, prompt(ms))
      await this.#send(sessionId, `say ${sessionId}, second in the queue`)
    }
    for (const [sessionId, cursor] of cursors) {
      await this.#until(sessionId, cursor, event => event.type === 'tool.started')
    }
    return cursors
  }

  async #afterCrash(cursors: ReadonlyMap<string, string>): Promise<void> {
    const stage = this.#stage
    const retried = await this.#until('retry', cursors.get('retry'), endsFirst)
    await stage.fact(`retry    the call ran again under the same call id: ${this.#callIds(retried)}`, 'good')
    await this.#until('fail', cursors.get('fail'), endsFirst)
    await stage.fact('fail     the agent was told that the outcome is unknown, and went on', 'good')
    await this.#until('ask', cursors.get('ask'), event => event.type === 'tool.unknown')
    await stage.fact('ask      nobody guesses: it waits for a person. Why does it stand still?')
    await stage.type('meerkat explain ask')
    const { waitingFor } = await this.#worker.ask('session/explain', { sessionId: 'ask' })
    for (const { guard, owner } of waitingFor) await stage.fact(`waits for ${owner}: ${guard}`)
    const { calls } = await this.#worker.ask('call/list', { sessionId: 'ask', state: 'unknown' })
    const [call] = calls
    if (call === undefined) throw new MeerkatError('internal', 'the tour expected a call that waits in session ask')
    await stage.say('We looked: it did happen.')
    await stage.type(`meerkat resolve ask ${call.id} succeeded`)
    await this.#worker.ask('call/resolve', {
      sessionId: 'ask',
      callId: call.id,
      resolution: 'succeeded',
      output: { checked: true },
    })
    await this.#until('ask', cursors.get('ask'), endsFirst)
    await stage.fact('ask      goes on', 'good')
  }

  async #proof(): Promise<void> {
    const stage = this.#stage
    await stage.chapter('4  Did anything get lost, or done twice?')
    for (const { sessionId, inputId } of this.#accepted) await this.#ended(sessionId, inputId)
    const events = await this.#allEvents()
    const ends = Map.groupBy(
      events.filter(({ type }) => FINAL_INPUT_EVENTS.has(type)),
      ({ inputId = '' }) => inputId,
    )
    const lost = this.#accepted.filter(({ inputId }) => !ends.has(inputId)).length
    const twice = [...ends.values()].filter(found => found.length > 1).length
    await stage.fact(
      `${this.#accepted.length} inputs accepted, ${ends.size} ended, ${lost} lost, ${twice} ended twice`,
      lost + twice === 0 ? 'good' : 'bad',
    )
    await stage.say('And every step of every session, run through the kernel again:')
    await stage.type('meerkat audit SESSION')
    let legal = lost + twice === 0
    const { sessions } = await this.#worker.ask('session/list', {})
    for (const { id } of sessions) {
      const { ok, steps } = await this.#worker.ask('session/audit', { sessionId: id })
      legal &&= ok
      await stage.fact(`${id.padEnd(12)} ${steps} steps, ${ok ? 'all legal' : 'NOT LEGAL'}`, ok ? 'good' : 'bad')
    }
    if (!legal) throw new MeerkatError('internal', 'the tour found what must not be: please report it')
  }

  async #open(sessionId: string): Promise<void> {
    await this.#worker.ask('session/open', { sessionId, model: 'demo/agent' })
  }

  async #send(
    sessionId: string,
    content: string,
    options: { readonly mode?: 'steer'; readonly idempotencyKey?: string } = {},
  ): Promise<string> {
    const { inputId } = await this.#worker.ask('input/send', { sessionId, content, ...options })
    this.#accepted.push({ sessionId, inputId })
    return inputId
  }

  async #input(sessionId: string, inputId: string): Promise<InputView> {
    return (await this.#worker.ask('input/get', { sessionId, inputId })).input
  }

  /** Shows the answer to an input while it comes. */
  async #watch(sessionId: string, inputId: string): Promise<void> {
    const runs = new Set<string>()
    await this.#until(sessionId, undefined, event => {
      const { type, runId, text } = event
      if (runId !== undefined && event.inputId === inputId) runs.add(runId)
      const isOurs = runId !== undefined && runs.has(runId)
      if (isOurs && type === 'text.delta' && typeof text === 'string') this.#stage.stream(text)
      if (isOurs && type === 'turn.ended') this.#stage.endLine()
      return FINAL_INPUT_EVENTS.has(type) && event.inputId === inputId
    })
  }

  async #ended(sessionId: string, inputId: string): Promise<void> {
    await this.#until(sessionId, undefined, event => FINAL_INPUT_EVENTS.has(event.type) && event.inputId === inputId)
  }

  /** Reads a session's events up to the first one that is wanted; answers all of them. */
  async #until(
    sessionId: string,
    from: string | undefined,
    isLast: (event: EventView) => boolean,
  ): Promise<readonly EventView[]> {
    const seen: EventView[] = []
    let after = from
    for (;;) {
      const position = { sessionId, limit: 500, waitMs: WAIT_MS, ...defined({ after }) }
      const page = await this.#worker.ask('events/read', position)
      if (page.events.length === 0)
        throw new MeerkatError('internal', `nothing happens in session ${sessionId} for too long`)
      for (const event of page.events) {
        seen.push(event)
        if (isLast(event)) return seen
      }
      after = page.cursor
    }
  }

  /** The end of the session's log. */
  async #cursor(sessionId: string): Promise<string> {
    const page = await this.#worker.ask('events/read', { sessionId, limit: 1000 })
    return page.cursor
  }

  async #allEvents(): Promise<readonly EventView[]> {
    const all: EventView[] = []
    let after: string | undefined
    for (;;) {
      const page = await this.#worker.ask('events/read', { limit: 1000, ...defined({ after }) })
      all.push(...page.events)
      if (page.events.length === 0) return all
      after = page.cursor
    }
  }

  #callIds(events: readonly EventView[]): string {
    const ids = events.filter(({ type }) => type === 'tool.started').map(({ callId }) => short(String(callId)))
    return ids.join(', then ')
  }
}

/** Whether an event ends the second input of a session that was in the crash, and so everything before. */
function endsFirst({ type }: EventView): boolean {
  return FINAL_INPUT_EVENTS.has(type)
}

const POLICIES: Readonly<Record<string, { readonly prompt: (ms: number) => string; readonly text: string }>> = {
  retry: { prompt: ms => `wait ${ms} ms`, text: 'harmless to repeat: call it again' },
  fail: { prompt: ms => `wait ${ms} ms and fail`, text: 'tell the agent that nobody knows' },
  ask: { prompt: ms => `wait ${ms} ms and ask`, text: 'ask a person' },
}

/** The end of an id: its beginning is the time, and the same for all. */
function short(id: string): string {
  return `…${id.slice(-6)}`
}

function receiptText({ receipt, status }: InputView): string {
  if (receipt?.type === 'steered') return `joined the running turn at boundary ${receipt.boundary}, ${status}`
  return `came too late for the run and was the next turn's input, ${status}`
}
