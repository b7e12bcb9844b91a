/** The worker's executor: tools whose effects are lines in a file, and nothing it remembers outside its journal. */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import type { ApplyOutput, CoreExecutor, RunPort } from '../../src/executor/executor.ts'
import type { CallId } from '../../src/kernel/ids.ts'
import type { CallEntry } from '../../src/kernel/regions/calls/state.ts'
import type { MessagePart } from '../../src/store/records.ts'
import type { Task } from './plan.ts'

export function crashExecutor(effects: string, round: number): CoreExecutor {
  const file = openSync(effects, 'a')
  const perform = (call: Pick<CallEntry, 'id' | 'policy'>): void => {
    writeSync(file, `${call.id} ${call.policy} ${round}\n`)
    fsyncSync(file)
  }
  return {
    name: 'crash',
    apply: port => new Turn(port, perform).run(),
    close: () => Promise.resolve(closeSync(file)),
  }
}

class Turn {
  readonly #port: RunPort
  readonly #perform: (call: Pick<CallEntry, 'id' | 'policy'>) => void
  readonly #task: Task

  constructor(port: RunPort, perform: (call: Pick<CallEntry, 'id' | 'policy'>) => void) {
    this.#port = port
    this.#perform = perform
    const [head] = port.inputs
    this.#task = JSON.parse(typeof head?.content === 'string' ? head.content : '') as Task
  }

  async run(): Promise<ApplyOutput> {
    const port = this.#port
    const left = await this.#settle()
    if (left !== undefined) return left
    if (port.attempt <= this.#task.failures) throw new Error(`attempt ${port.attempt} was told to fail`)
    for (;;) {
      const made = port.journal().filter(message => message.role === 'assistant').length
      if (port.signal.aborted) return { type: 'cancelled' }
      const policy = this.#task.tools[made]
      if (policy === undefined) break
      const output = await this.#turn(made + 1, policy)
      if (output !== undefined) return output
    }
    port.stream({ type: 'text.delta', turn: this.#task.tools.length + 1, text: this.#task.name })
    await setImmediate()
    return {
      type: 'completed',
      turn: this.#task.tools.length + 1,
      message: { role: 'assistant', content: this.#task.name },
    }
  }

  /** Calls that an earlier attempt left behind. */
  async #settle(): Promise<ApplyOutput | undefined> {
    const port = this.#port
    for (const call of port.calls().filter(({ state }) => state === 'owed')) {
      await port.dispatch([call.id])
      await this.#dispatched(call)
    }
    if (port.calls().some(({ state }) => state === 'unknown')) return { type: 'parked' }
    const last = port.journal().at(-1)
    const calling = last?.role === 'tool' || (last?.role === 'assistant' && port.calls().length > 0)
    return calling ? this.#boundary(port.calls().length) : undefined
  }

  async #turn(turn: number, policy: Task['tools'][number]): Promise<ApplyOutput | undefined> {
    const port = this.#port
    const id = `${port.inputs[0]?.id}/${turn}` as CallId
    const part: MessagePart = { type: 'tool-call', callId: id, name: policy, args: { turn } }
    await port.intend({
      turn,
      message: { role: 'assistant', content: [part] },
      calls: [{ callId: id, tool: policy, policy }],
    })
    await this.#dispatched({ id, policy, tool: policy })
    return this.#boundary(turn)
  }

  async #dispatched(call: Pick<CallEntry, 'id' | 'policy' | 'tool'>): Promise<void> {
    await setImmediate()
    this.#perform(call)
    await setImmediate()
    await this.#port.outcomes([{ callId: call.id, name: call.tool, ok: true, output: 'done' }])
  }

  async #boundary(turn: number): Promise<ApplyOutput | undefined> {
    const { next } = await this.#port.boundary({ turn })
    return next === 'cancelled' ? { type: 'cancelled' } : undefined
  }
}
