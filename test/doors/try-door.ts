/** Tries a door and says what came of it. */
import { MeerkatError } from '../../src/errors.ts'
import { errorOf } from '../../src/foreign.ts'
import * as kernelDoor from '../../src/kernel-entry/index.ts'
import * as runtimeDoor from '../../src/runtime.ts'

export type Outcome =
  | { readonly type: 'answered'; readonly value: unknown }
  | { readonly type: 'refused'; readonly code: string }
  /** Something that is no error of ours, or one of ours that says "a bug". */
  | { readonly type: 'broke'; readonly what: string }
  | { readonly type: 'silent' }

/** Far beyond what an answer takes, on a loaded machine, too. */
const PATIENCE_MS = 8_000

export async function outcomeOf(call: () => unknown, patienceMs: number = PATIENCE_MS): Promise<Outcome> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Outcome>(resolve => {
    timer = setTimeout(() => resolve({ type: 'silent' }), patienceMs)
  })
  try {
    return await Promise.race([answerOf(call), late])
  } finally {
    clearTimeout(timer)
  }
}

async function answerOf(call: () => unknown): Promise<Outcome> {
  try {
    return { type: 'answered', value: await call() }
  } catch (error) {
    return judged(error)
  }
}

/** The declared errors of the package: `MeerkatError`, and those of the kernel and of the handles. */
const DECLARED: readonly unknown[] = [...Object.values(kernelDoor), ...Object.values(runtimeDoor)].filter(
  value => typeof value === 'function' && value.prototype instanceof Error,
)

function judged(thrown: unknown): Outcome {
  const error = errorOf(thrown)
  if (error instanceof MeerkatError) {
    return error.code === 'internal'
      ? { type: 'broke', what: `internal: ${error.message}` }
      : { type: 'refused', code: error.code }
  }
  if (DECLARED.includes(error.constructor)) return { type: 'refused', code: error.name }
  return { type: 'broke', what: `${error.name}: ${error.message}` }
}

/** Tries each and answers, by name, those that broke or never answered. */
export async function broken(
  trials: Iterable<{ readonly name: string; readonly call: () => unknown }>,
  patienceMs?: number,
): Promise<readonly string[]> {
  const found: string[] = []
  for (const { name, call } of trials) {
    const outcome = await outcomeOf(call, patienceMs)
    if (outcome.type === 'broke') found.push(`${name}: ${outcome.what}`)
    if (outcome.type === 'silent') found.push(`${name}: no answer`)
  }
  return found
}
