/**
 * The demo agent's tools, one for each thing that the call ledger can show: harmless ones that may be repeated, one
 * with a visible effect, and slow ones for each policy.
 */
import { appendFileSync } from 'node:fs'
import { aClock, aNumber, aWord, checkOptions, type Fields, optional } from '../../options.ts'
import { type Clock, systemClock } from '../../time.ts'
import { declareTool, number, oneOf, positive, text, whole } from '../../tools/declare.ts'
import type { AgentTool, ToolContext } from './tool.ts'

export interface DemoToolOptions {
  readonly clock?: Clock
  /** Determines what the dice show. */
  readonly seed?: number
  /** The file that notes are appended to; default `MEERKAT_DEMO_NOTES`, and without either only memory. */
  readonly notesFile?: string
  /** Notes are appended here as well. */
  readonly notes?: string[]
}

const OPTIONS: Fields<DemoToolOptions> = {
  clock: optional(aClock),
  seed: optional(aNumber),
  notesFile: optional(aWord),
  notes: optional({ wanted: 'a list', fits: Array.isArray }),
}

/** The demo agent's tools. */
export function demoTools(options: DemoToolOptions = {}): readonly AgentTool[] {
  checkOptions('demoTools', options, OPTIONS)
  const { clock = systemClock, seed = 1, notesFile = process.env['MEERKAT_DEMO_NOTES'], notes = [] } = options
  return [clockTool(clock), calculator, diceTool(seed), noteTool(notesFile, notes), ...slowTools(clock), transfer]
}

function clockTool(clock: Clock): AgentTool {
  return declareTool({
    name: 'clock',
    description: 'Tells the time.',
    fields: {},
    onLost: 'retry',
    execute: () => ({ utc: new Date(clock.now()).toISOString() }),
  })
}

const calculator: AgentTool = declareTool({
  name: 'calculator',
  description: 'Calculates with two numbers.',
  fields: { a: number(), operation: oneOf(['+', '-', '*', '/']), b: number() },
  onLost: 'retry',
  execute: ({ a, operation, b }) => ({ result: calculate(a, operation, b) }),
})

function calculate(a: number, operation: '+' | '-' | '*' | '/', b: number): number {
  switch (operation) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      if (b === 0) throw new Error('division by zero')
      return a / b
  }
}

function diceTool(seed: number): AgentTool {
  return declareTool({
    name: 'dice',
    description: 'Rolls dice. The same call always shows the same.',
    fields: { count: whole(1, 100, 1), sides: whole(2, 1000, 6) },
    onLost: 'retry',
    execute: ({ count, sides }, { callId }) => {
      const random = sequence(seed, callId)
      return { rolled: Array.from({ length: count }, () => 1 + Math.floor(random() * sides)) }
    },
  })
}

/** Numbers from 0 to 1 that are determined by a seed and a name (mulberry32). */
function sequence(seed: number, name: string): () => number {
  let state = Array.from(name).reduce((hash, char) => (Math.imul(hash, 31) + (char.codePointAt(0) ?? 0)) | 0, seed)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    const a = Math.imul(state ^ (state >>> 15), 1 | state)
    const b = (a + Math.imul(a ^ (a >>> 7), 61 | a)) ^ a
    return ((b ^ (b >>> 14)) >>> 0) / 2 ** 32
  }
}

function noteTool(file: string | undefined, notes: string[]): AgentTool {
  return declareTool({
    name: 'note',
    description: 'Writes a line down, for good. A lost call is not repeated without asking.',
    fields: { text: text() },
    onLost: 'ask',
    execute: ({ text }, { callId }) => {
      notes.push(text)
      if (file !== undefined) appendFileSync(file, `${callId} ${text}\n`)
      return { noted: text, ...(file === undefined ? {} : { file }) }
    },
  })
}

const transfer: AgentTool = declareTool({
  name: 'transfer',
  description: 'Pretends to send money. Needs approval.',
  fields: { amount: positive(), to: text() },
  onLost: 'ask',
  needsApproval: true,
  execute: ({ amount, to }) => ({ sent: amount, to }),
})

/** One for each policy: the same work, with another declaration of what becomes of a lost call. */
function slowTools(clock: Clock): readonly AgentTool[] {
  const policies = { slow: 'retry', slow_ask: 'ask', slow_fail: 'fail' } as const
  return Object.entries(policies).map(([name, onLost]) =>
    declareTool({
      name,
      description: `Takes its time. A lost call: ${onLost}.`,
      fields: { ms: whole(0, 600_000) },
      timeoutMs: 660_000,
      onLost,
      execute: async ({ ms }, context) => {
        await wait(clock, ms, context)
        return { waitedMs: ms }
      },
    }),
  )
}

/** Waits in ten steps and reports progress after each. */
async function wait(clock: Clock, ms: number, { signal, progress }: ToolContext): Promise<void> {
  const steps = Math.max(1, Math.min(10, Math.floor(ms / 100)))
  for (let done = 1; done <= steps; done++) {
    await pause(clock, ms / steps, signal)
    progress({ done, of: steps })
  }
}

/** Waits on a clock; rejects at once when the signal aborts. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const callOff = clock.after(ms, resolve)
  const onAbort = (): void => reject(signal?.reason instanceof Error ? signal.reason : new Error('stopped'))
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    await promise
  } finally {
    callOff()
    signal?.removeEventListener('abort', onAbort)
  }
}
