/** `createRuntime`: the runtime as a library. */
import { memory } from '../store/memory.ts'
import { Core } from './core.ts'
import { read } from './door.ts'
import { insideOf } from './inside.ts'
import { checkedOptions, type RuntimeOptions, soundOptions } from './options.ts'
import { Runtime } from './runtime.ts'

/** An orphaned session is found within this time. */
const MOST_MS = 15_000

/** Opens the store and starts the runtime. */
export async function createRuntime(given: RuntimeOptions = {}): Promise<Runtime> {
  const options = checkedOptions(given)
  const sound = read(() => soundOptions(options))
  const place = options.store ?? memory()
  const store = await place.open()
  const runtime = new Runtime(new Core(store, sound, place))
  if (options.recover === false) return runtime
  const third = store.leaseMs === 0 ? MOST_MS : Math.ceil(store.leaseMs / 3)
  const everyMs = options.recoverEveryMs ?? Math.min(third, MOST_MS)
  if (options.executor === undefined) {
    // Without an executor there is nothing to sweep for, until a host registers the first session.
    insideOf(runtime).core.serving.onFirst(() => runtime.recoverEvery(everyMs))
    return runtime
  }
  try {
    await runtime.recover()
  } catch (error) {
    await runtime.close()
    throw error
  }
  runtime.recoverEvery(everyMs)
  return runtime
}
