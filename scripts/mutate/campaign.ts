// Tries mutants of the session machine: what finds each, and which ones nothing finds.

import type { Configuration } from '../../src/kernel/check/configuration.ts'
import { configurations } from '../../src/kernel/check/configurations.ts'
import type { Mutant } from '../../src/kernel/check/mutate.ts'
import type { Finding, Scan } from '../../src/kernel/check/mutate-scan.ts'
import { meerkat } from '../../src/kernel/machine.ts'
import { type Pool, startPool } from './pool.ts'
import type { Task } from './worker.ts'

export interface Verdict {
  readonly mutant: Mutant
  /**
   * The invariants, step checks and liveness properties that failed, `throws`, or edges that are never taken any more.
   */
  readonly faults: readonly string[]
  /** The unit test that failed; undefined: none did, or none was run because the explorer had found the mutant. */
  readonly failing: string | undefined
  /** Whether it does the same as the real machine in every state that the real machine reaches. */
  readonly isEquivalent: boolean
  /** The configurations in which it does otherwise. */
  readonly differsIn: readonly string[]
}

type Exploring = Extract<Task, { readonly kind: 'explore' }>
type Tell = (progress: string) => void

/** A mutant may have somewhat more states than the real machine; with more than this it is left to the tests. */
const mostStates = (real: number): number => 2 * real + 2000

/** How many configurations are explored completely, the smallest first, where not all are. */
const FEW = 2

/** What is known of one mutant so far. */
interface Notes {
  readonly mutant: Mutant
  readonly scans: Map<string, Finding>
  readonly explored: Map<string, Finding>
  faults: readonly string[]
  failing: string | undefined
}

/**
 * First compares the mutant with the real machine in each of its states, then runs the unit tests, then explores what
 * is left. `thorough` also explores mutants that unit tests have found, to learn whether the explorer would find them
 * too.
 */
export async function campaign(mutants: readonly Mutant[], thorough: boolean, tell: Tell): Promise<readonly Verdict[]> {
  const notes = new Map(mutants.map(mutant => [mutant.id, notesOf(mutant)]))
  const pool = startPool()
  try {
    const scans = await scanAll(pool, notes, tell)
    await testAll(pool, [...notes.values()].filter(isUnnoticed), tell)
    const left = [...notes.values()].filter(one => one.faults.length === 0 && (thorough || one.failing === undefined))
    await exploreAll(pool, left, scans, thorough ? Infinity : FEW, tell)
    for (const one of left) if (isUnnoticed(one)) one.faults = edgesLost(one, scans)
  } finally {
    pool.end()
  }
  return [...notes.values()].map(verdictOf)
}

/**
 * What the explorer finds alone, in the states of the real machine: no test is run, and no mutant is explored by
 * itself.
 */
export async function looks(mutants: readonly Mutant[], tell: Tell): Promise<readonly Verdict[]> {
  const notes = new Map(mutants.map(mutant => [mutant.id, notesOf(mutant)]))
  const pool = startPool()
  try {
    await scanAll(pool, notes, tell)
  } finally {
    pool.end()
  }
  return [...notes.values()].map(verdictOf)
}

/**
 * A quicker look at a few mutants: unit tests first, then the configurations with the fewest inputs in which the
 * mutant's input occurs. `campaign` may still find what this does not.
 */
export async function glance(mutants: readonly Mutant[], tell: Tell): Promise<readonly Verdict[]> {
  const notes = mutants.map(notesOf)
  const pool = startPool()
  try {
    await testAll(pool, notes, tell)
    await explore(pool, notes, glances(notes), tell)
  } finally {
    pool.end()
  }
  return notes.map(verdictOf)
}

function glances(notes: readonly Notes[]): readonly Exploring[] {
  return notes.filter(isUnnoticed).flatMap(({ mutant: { id, input } }) =>
    smallestFirst(configurations(true))
      .filter(world => world.inputs(startOf(world)).some(({ type }) => type === input))
      .slice(0, FEW)
      .map(({ name }) => ({ kind: 'explore', id, configuration: name, mostStates: 10_000 }) as const),
  )
}

function notesOf(mutant: Mutant): Notes {
  return { mutant, scans: new Map(), explored: new Map(), faults: [], failing: undefined }
}

const isUnnoticed = ({ faults, failing }: Notes): boolean => faults.length === 0 && failing === undefined

async function scanAll(pool: Pool, notes: ReadonlyMap<string, Notes>, tell: Tell): Promise<ReadonlyMap<string, Scan>> {
  const scans = new Map<string, Scan>()
  // Lazily, so that a mutant that has been found is spared the rest.
  function* tasks(): Generator<Extract<Task, { readonly kind: 'scan' }>> {
    for (const { name } of smallestFirst(configurations(true))) {
      const ids = [...notes.values()].filter(isUnnoticed).map(({ mutant }) => mutant.id)
      yield { kind: 'scan', configuration: name, ids }
    }
  }
  await pool.doAll(tasks(), ({ configuration }, answer) => {
    if (answer?.kind !== 'scan') throw new Error(`${configuration} could not be explored in time`)
    scans.set(configuration, answer.scan)
    for (const [id, finding] of Object.entries(answer.scan.findings)) {
      const note = notes.get(id)
      note?.scans.set(configuration, finding)
      if (note !== undefined && finding.faults.length > 0) note.faults = finding.faults
    }
    tell(`${configuration}: ${answer.scan.states} states, ${count(notes, one => one.faults.length > 0)} found so far`)
  })
  return scans
}

async function testAll(pool: Pool, notes: readonly Notes[], tell: Tell): Promise<void> {
  const tasks = notes.map(note => ({ kind: 'test', id: note.mutant.id, note }) as const)
  let done = 0
  await pool.doAll(tasks, ({ note }, answer) => {
    note.failing = answer?.kind === 'test' ? answer.failing : 'does not come to an end'
    if (++done % 100 === 0 || done === tasks.length) tell(`${done} of ${tasks.length} tested`)
  })
}

async function exploreAll(
  pool: Pool,
  notes: readonly Notes[],
  scans: ReadonlyMap<string, Scan>,
  most: number,
  tell: Tell,
): Promise<void> {
  const tasks = notes.flatMap(({ mutant: { id }, scans: findings }) =>
    [...findings]
      .filter(([, { differs }]) => differs)
      .map(([configuration]) => ({ configuration, states: scans.get(configuration)?.states ?? 0 }))
      .toSorted((a, b) => a.states - b.states)
      .slice(0, most)
      .map(({ configuration, states }) => {
        return { kind: 'explore', id, configuration, mostStates: mostStates(states) } as const
      }),
  )
  await explore(pool, notes, tasks, tell)
}

async function explore(pool: Pool, notes: readonly Notes[], tasks: readonly Exploring[], tell: Tell): Promise<void> {
  const byId = new Map(notes.map(note => [note.mutant.id, note]))
  function* open(): Generator<Exploring> {
    for (const task of tasks) if (byId.get(task.id)?.faults.length === 0) yield task
  }
  let done = 0
  await pool.doAll(open(), ({ id, configuration }, answer) => {
    const note = byId.get(id)
    if (note !== undefined && answer?.kind === 'explore') {
      note.explored.set(configuration, answer.finding)
      if (answer.finding.faults.length > 0) note.faults = answer.finding.faults
    }
    if (++done % 100 === 0) tell(`${done} of at most ${tasks.length} explored`)
  })
}

/** Edges that the real machine takes somewhere, and that the mutant still declares but takes nowhere. */
function edgesLost({ mutant, scans: own, explored }: Notes, scans: ReadonlyMap<string, Scan>): readonly string[] {
  const declared = new Set(mutant.machine().edges.map(({ region, input, row }) => `${region}/${input}/${row}`))
  const isDeclared = (edge: string): boolean => declared.has(edge.slice(0, edge.lastIndexOf(' ')))
  const lost = new Set<string>()
  const taken = new Set<string>()
  for (const [configuration, { covered }] of scans) {
    const finding = own.get(configuration)
    for (const edge of covered) if (isDeclared(edge)) lost.add(edge)
    // Where the mutant does the same, it takes the real machine's edges on other inputs.
    const elsewhere = covered.filter(edge => finding === undefined || edge.split('/')[1] !== mutant.input)
    const seen = finding?.differs === true ? explored.get(configuration) : undefined
    if (finding?.differs === true && (seen === undefined || seen.cut)) return []
    for (const edge of seen?.covered ?? [...elsewhere, ...(finding?.covered ?? [])]) taken.add(edge)
  }
  return [...lost.difference(taken)].map(edge => `never taken: ${edge}`)
}

function verdictOf({ mutant, scans, explored, faults, failing }: Notes): Verdict {
  const findings = [...scans, ...explored]
  const differsIn = [...new Set(findings.filter(([, { differs }]) => differs).map(([name]) => name))]
  return {
    mutant,
    faults,
    failing,
    isEquivalent: faults.length === 0 && failing === undefined && differsIn.length === 0,
    differsIn,
  }
}

function startOf({ prefix }: Configuration): typeof meerkat.initial {
  return prefix.reduce((state, input) => {
    const result = meerkat.step(state, input)
    return result.ok ? result.state : state
  }, meerkat.initial)
}

function smallestFirst(worlds: readonly Configuration[]): readonly Configuration[] {
  return worlds
    .map(world => ({ world, size: world.inputs(startOf(world)).length }))
    .toSorted((a, b) => a.size - b.size)
    .map(({ world }) => world)
}

function count(notes: ReadonlyMap<string, Notes>, is: (one: Notes) => boolean): number {
  return [...notes.values()].filter(is).length
}
