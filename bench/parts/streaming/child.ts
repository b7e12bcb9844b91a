/** Processes of the streaming benchmark, from both ends. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

/** Listens somewhere, says where, tells its processor time when asked, and ends with whoever started it. */
export function ready(server: Server): void {
  server.listen(0, '127.0.0.1', () => say((server.address() as AddressInfo).port))
}

/** The same for a server that listens already. */
export function say(port: number): void {
  process.on('message', () => process.send?.(processorMs()))
  process.on('disconnect', () => process.exit(0))
  process.send?.(port)
}

function processorMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

export interface Child {
  readonly url: string
  /** Processor time so far, in milliseconds. */
  processorMs(): Promise<number>
  end(): Promise<void>
}

/** Starts a file of this folder. */
export async function start(name: string, ...args: readonly string[]): Promise<Child> {
  const child = fork(join(import.meta.dirname, `${name}.ts`), args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const port = await answer(child)
  return {
    url: `http://127.0.0.1:${port}`,
    processorMs: () => {
      child.send('time')
      return answer(child)
    },
    end: async () => {
      child.disconnect()
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}

async function answer(child: ChildProcess): Promise<number> {
  const gone = new AbortController()
  const exit = once(child, 'exit', { signal: gone.signal }).then(([code]) => {
    throw new Error(`${child.spawnfile} ended with ${String(code)}`)
  })
  exit.catch(() => {})
  try {
    const [value] = (await Promise.race([once(child, 'message'), exit])) as [number]
    return value
  } finally {
    gone.abort()
  }
}
