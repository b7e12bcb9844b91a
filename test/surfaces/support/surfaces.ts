/** Every way into a runtime, as one list: the same cases run against each. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createClient } from '../../../src/client/index.ts'
import { type ErrorBody, MeerkatError } from '../../../src/errors.ts'
import { connection } from '../../../src/surfaces/json-rpc.ts'
import type { Callable } from '../../../src/surfaces/operation.ts'
import { type OperationName, type OperationParams, operationNamed } from '../../../src/surfaces/operations.ts'
import { serve } from '../../../src/surfaces/server.ts'
import { FakeRuntime } from './fake-runtime.ts'
import { RpcPeer } from './rpc-peer.ts'

export interface OpenSurface extends AsyncDisposable {
  /** Calls an operation the way this surface does; fails with the error as it came over. */
  call(name: string, params: unknown): Promise<unknown>
}

export interface Surface {
  readonly name: string
  /** Serves the runtime; one that runs in another process brings its own. */
  open(runtime?: Callable): Promise<OpenSurface>
}

const direct: Surface = {
  name: 'direct',
  async open(runtime: Callable = new FakeRuntime()) {
    return {
      call: (name, params) => Promise.resolve().then(() => operationNamed(name).call(runtime, params)),
      [Symbol.asyncDispose]: async () => {},
    }
  },
}

const jsonRpc: Surface = {
  name: 'JSON-RPC in memory',
  async open(runtime: Callable = new FakeRuntime()) {
    const peer: RpcPeer = new RpcPeer(text => server.receive(text))
    const server = connection(runtime, text => peer.take(text), { log: () => {} })
    return { call: (name, params) => peer.call(name, params), [Symbol.asyncDispose]: async () => server.close() }
  },
}

const stdioChild: Surface = {
  name: 'JSON-RPC over the stdio of a process',
  async open() {
    const child = spawn(process.execPath, [fileURLToPath(new URL('./stdio-child.ts', import.meta.url))], {
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    const peer = new RpcPeer(text => child.stdin.write(`${text}\n`))
    createInterface({ input: child.stdout }).on('line', line => peer.take(line))
    return {
      call: (name, params) => peer.call(name, params),
      async [Symbol.asyncDispose]() {
        const exited = once(child, 'exit')
        child.stdin.end()
        await exited
      },
    }
  },
}

const rest: Surface = {
  name: 'REST',
  async open(runtime: Callable = new FakeRuntime()) {
    const server = await serve({ runtime, port: 0, log: () => {} })
    return {
      call: (name, params) => post(`${server.url}/v1/${name}`, params),
      [Symbol.asyncDispose]: () => server.close(),
    }
  },
}

const client: Surface = {
  name: 'the typed client',
  async open(runtime: Callable = new FakeRuntime()) {
    const server = await serve({ runtime, port: 0, log: () => {} })
    const { call } = createClient({ url: server.url })
    return {
      // What these cases send is wrong on purpose.
      call: (name, params) => call(name as OperationName, params as OperationParams<OperationName>),
      [Symbol.asyncDispose]: () => server.close(),
    }
  },
}

export const inProcessSurfaces: readonly Surface[] = [direct, jsonRpc, rest, client]

export const surfaces: readonly Surface[] = [...inProcessSurfaces, stdioChild]

async function post(url: string, params: unknown): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(params),
  })
  const body: unknown = await response.json()
  if (response.ok) return body
  const { code, message, retryable, details } = (body as { readonly error: ErrorBody }).error
  throw new MeerkatError(code, message, { retryable, ...(details === undefined ? {} : { details }) })
}
