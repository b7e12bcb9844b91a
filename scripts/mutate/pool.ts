// Two processes that perform tasks. Both exist from the beginning, so that they read the same source as their parent,
// and one that hangs is replaced.
import { type ChildProcess, fork } from 'node:child_process'
import type { Answer, Task } from './worker.ts'

const WORKERS = 2
const LIMIT_MS = 900_000

export interface Pool {
  /** Gives every task to a worker. `answered` is called in any order, with undefined where a task did not end. */
  readonly doAll: <One extends Task>(
    tasks: Iterable<One>,
    answered: (task: One, answer: Answer | undefined) => void,
  ) => Promise<void>
  readonly end: () => void
}

export function startPool(): Pool {
  const begin = (): ChildProcess => fork(new URL('worker.ts', import.meta.url))
  const workers = Array.from({ length: WORKERS }, begin)
  const doAll: Pool['doAll'] = async (tasks, answered) => {
    const queue = tasks[Symbol.iterator]()
    const work = async (at: number): Promise<void> => {
      for (let next = queue.next(); next.done !== true; next = queue.next()) {
        const worker = (workers[at] ??= begin())
        const answer = await answerOf(worker, next.value)
        if (answer === undefined) {
          worker.kill('SIGKILL')
          workers[at] = begin()
        }
        answered(next.value, answer)
      }
    }
    await Promise.all(workers.map((_, at) => work(at)))
  }
  return {
    doAll,
    end: () => {
      for (const worker of workers) worker.kill()
    },
  }
}

function answerOf(worker: ChildProcess, task: Task): Promise<Answer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Answer | undefined>()
  const giveUp = (): void => resolve(undefined)
  const timer = setTimeout(giveUp, LIMIT_MS)
  const hear = (answer: Answer): void => resolve(answer)
  worker.once('message', hear)
  worker.once('exit', giveUp)
  worker.send(task)
  return promise.finally(() => {
    clearTimeout(timer)
    worker.off('message', hear)
    worker.off('exit', giveUp)
  })
}
