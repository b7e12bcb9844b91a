/**
 * Steps a second of the whole session machine, with effects, beside the least a state machine can cost: a plain
 * reducer over a frozen object.
 *
 * The script is one echo turn: accept an input behind the backlog, prepare, start, apply the primitive, the model's
 * answer, the last boundary, commit. Every turn takes one input in and one out, so the backlog keeps its length.
 */
import type { InputId, MeerkatInput, MeerkatState, RunId, SessionId } from '../src/kernel/index.ts'
import { meerkat, step } from '../src/kernel/index.ts'
import { type Figure, figure, measure } from './figure.ts'

const RUNS = 7
const TURNS = 10_000
const STEPS_PER_TURN = 7
/** Runs before the first that counts: the engine optimises the machine for some 300,000 steps. */
const WARM_RUNS = 5

/** Ids of the length and the spread that real ones have; read from JSON, as they come off a wire. */
function idOf(n: number): string {
  const [high, low] = [(n >>> 16).toString(16).padStart(4, '0'), (n & 0xfff).toString(16).padStart(3, '0')]
  return JSON.parse(`"019a1c00-${high}-7${low}-8000-${n.toString(16).padStart(12, '0')}"`) as string
}

/** Inputs made beforehand, so that only the machine is measured. */
function script(from: number, turns: number): readonly MeerkatInput[] {
  const inputs: MeerkatInput[] = []
  for (let turn = from; turn < from + turns; turn++) {
    const runId = idOf(0x4000_0000 + turn) as RunId
    inputs.push(
      { type: 'AcceptInput', inputId: idOf(turn) as InputId, at: turn },
      { type: 'Prepare', runId, at: turn },
      { type: 'StartConversationRun', runId },
      { type: 'PrimitiveApplied', runId },
      { type: 'LlmReturnedTerminal', runId },
      { type: 'BoundaryComplete', runId },
      { type: 'Commit', runId, messages: 2 },
    )
  }
  return inputs
}

interface Played {
  readonly state: MeerkatState
  readonly effects: number
}

function play(state: MeerkatState, inputs: readonly MeerkatInput[]): Played {
  let current = state
  let effects = 0
  for (const input of inputs) {
    const result = step(current, input)
    if (!result.ok) throw new Error(`${input.type}: ${result.kind}: ${result.reason}`)
    current = result.state
    effects += result.effects.length
  }
  return { state: current, effects }
}

/** An attached session with `queued` inputs waiting. */
function backlog(queued: number): MeerkatState {
  const sessionId = 'bench' as SessionId
  const opening: readonly MeerkatInput[] = [
    { type: 'Initialize' },
    { type: 'RegisterSession', sessionId },
    { type: 'EnsureSessionWithExecutor', sessionId },
  ]
  const waiting = Array.from(
    { length: queued },
    (_, n): MeerkatInput => ({ type: 'AcceptInput', inputId: idOf(n) as InputId, at: n }),
  )
  return play(meerkat.initial, [...opening, ...waiting]).state
}

function stepsPerSecond(queued: number): () => number {
  let state = backlog(queued)
  let at = queued
  return () => {
    const inputs = script(at, TURNS)
    at += TURNS
    const before = performance.now()
    const played = play(state, inputs)
    const seconds = (performance.now() - before) / 1000
    state = played.state
    if (played.effects < inputs.length || state.ledger.entries.size !== queued)
      throw new Error('the script did not run as meant')
    return inputs.length / seconds
  }
}

interface FloorState {
  readonly phase: 'idle' | 'running'
  readonly steps: number
  readonly turns: number
}

function reduce(state: FloorState, input: MeerkatInput): FloorState {
  switch (input.type) {
    case 'Prepare':
      return Object.freeze({ ...state, phase: 'running', steps: state.steps + 1 })
    case 'Commit':
      return Object.freeze({ ...state, phase: 'idle', steps: state.steps + 1, turns: state.turns + 1 })
    default:
      return Object.freeze({ ...state, steps: state.steps + 1 })
  }
}

function floorPerSecond(): number {
  const inputs = script(0, TURNS)
  let state: FloorState = Object.freeze({ phase: 'idle', steps: 0, turns: 0 })
  const before = performance.now()
  for (const input of inputs) state = reduce(state, input)
  const seconds = (performance.now() - before) / 1000
  if (state.steps !== TURNS * STEPS_PER_TURN) throw new Error('the floor did not run as meant')
  return inputs.length / seconds
}

/** Steps a second with a short and with a long backlog. */
export async function kernelBench(): Promise<Figure[]> {
  await measure(WARM_RUNS, floorPerSecond)
  const floor = await measure(RUNS, floorPerSecond)
  const few = stepsPerSecond(10)
  await measure(WARM_RUNS, few)
  const short = await measure(RUNS, few)
  const many = stepsPerSecond(10_000)
  await measure(WARM_RUNS, many)
  const long = await measure(RUNS, many)
  return [
    figure('kernel: steps, 10 queued', 'steps/s', short, { floor: floor.median, atLeast: 2_000_000 }),
    figure('kernel: steps, 10,000 queued', 'steps/s', long, { floor: floor.median, atLeast: 1_000_000 }),
  ]
}
