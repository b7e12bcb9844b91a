/** `createRuntime`: the runtime as a library. */
import { memory } from '../store/memory.ts'
import type { RuntimeOptions } from './options.ts'
import { Runtime } from './runtime.ts'

/** Opens the store and starts the runtime. */
export async function createRuntime(options: RuntimeOptions = {}): Promise<Runtime> {
  const store = await (options.store ?? memory()).open()
  const runtime = new Runtime(store, options)
  if (options.recover !== false && options.executor !== undefined) {
    await runtime.recover()
    runtime.recoverEvery(options.recoverEveryMs ?? 15_000)
  }
  return runtime
}
