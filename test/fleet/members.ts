/** The parent's side of a member: a child process, its way to the database, and questions to it. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { MemberPlan, MemberReport, Reply, Request } from './plan.ts'

/** This release. */
const HERE = fileURLToPath(new URL('../..', import.meta.url))

/** A question to a member, without the number that it gets. */
type Question = Request extends infer R ? (R extends Request ? Omit<R, 'id'> : never) : never

export class Member {
  readonly #plan: Omit<MemberPlan, 'round'>
  readonly #release: string
  readonly #asked = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  #child: ChildProcess | undefined
  #round = 0
  #next = 0
  /** Whether questions to it make sense: it is neither dead, suspended nor cut off. */
  reachable = false
  stderr = ''

  /** `release`: the folder of the build that it runs. */
  constructor(plan: Omit<MemberPlan, 'round'>, release: string = HERE) {
    this.#plan = plan
    this.#release = release
  }

  async start(): Promise<void> {
    const plan: MemberPlan = { ...this.#plan, round: ++this.#round }
    const child = fork(join(this.#release, 'test/fleet/member.ts'), [JSON.stringify(plan)], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#child = child
    child.stderr?.on('data', chunk => {
      this.stderr += String(chunk)
    })
    const ready = Promise.withResolvers<void>()
    child.on('message', (reply: Reply) => {
      if (reply.type === 'ready') ready.resolve()
      else this.#hear(reply)
    })
    child.once('exit', () => {
      this.reachable = false
      ready.reject(new Error(`a member ended at its start: ${this.stderr}`))
      for (const { reject } of this.#asked.values()) reject(new Error('the member ended'))
      this.#asked.clear()
    })
    await ready.promise
    this.reachable = true
  }

  async ask(question: Question): Promise<unknown> {
    const id = ++this.#next
    const answer = Promise.withResolvers<unknown>()
    this.#asked.set(id, answer)
    this.#child?.send({ ...question, id }, error => {
      if (error !== null) answer.reject(error)
    })
    return answer.promise
  }

  async report(): Promise<MemberReport> {
    return (await this.ask({ type: 'report' })) as MemberReport
  }

  /** Gives its sessions back and ends. */
  async drain(): Promise<void> {
    this.reachable = false
    await this.ask({ type: 'drain' })
    await this.end()
  }

  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.reachable = signal === 'SIGCONT'
    this.#child?.kill(signal)
  }

  async end(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }

  #hear(reply: Exclude<Reply, { type: 'ready' }>): void {
    const asked = this.#asked.get(reply.id)
    this.#asked.delete(reply.id)
    if (reply.type === 'value') asked?.resolve(reply.value)
    else asked?.reject(Object.assign(new Error(reply.message), { code: reply.code }))
  }
}
