// Runs the kernel's unit tests against mutants, in this process: the test files are loaded once, with a test runner
// that keeps the bodies, and the machine that they import gets the mutant's behaviour.
import { readdirSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { basename } from 'node:path'
import type { Mutant } from '../../src/kernel/check/mutate.ts'
import { meerkat } from '../../src/kernel/machine.ts'
import { collected } from './test-runner.ts'

const root = new URL('../../', import.meta.url)
const folder = new URL('test/kernel/', root)

/** Tests of other machines, other kinds of checks, and tests that would notice any change of the text. */
const OTHERS = /^(?:auth|mob|composition|declarations|docs|explore|mutation|persistent-map|promela|spin|walks)\b/

interface TestBody {
  readonly file: string
  readonly name: string
  readonly run: () => unknown
  /**
   * The inputs that it applies to the real machine: up to the first of them, a mutant of another input behaves alike.
   */
  readonly inputs: ReadonlySet<string>
}

interface TestFile {
  readonly file: string
  readonly bodies: readonly TestBody[]
  /** The inputs that are applied while the file is loaded. */
  readonly inputs: ReadonlySet<string>
}

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === 'meerkat-ts/kernel') return next(new URL('src/kernel/index.ts', root).href, context)
    const isTest = context.parentURL?.startsWith(folder.href) === true
    return next(isTest && specifier === 'vitest' ? new URL('test-runner.ts', import.meta.url).href : specifier, context)
  },
})

const real = { ...meerkat }
let loaded: readonly TestFile[] | undefined
let generation = 0
/** Tests that fail on the unchanged machine: they prove nothing about mutants. */
const failures: string[] = []

/** The first test that fails on the mutant, as `file: name`; undefined: none. */
export async function failingTest(mutant: Mutant): Promise<string | undefined> {
  loaded ??= await load()
  const bodies = inOrder(
    loaded.flatMap(file => file.bodies.filter(({ inputs }) => inputs.has(mutant.input))),
    mutant.region,
  )
  Object.assign(meerkat, mutant.machine())
  try {
    return (await firstFailure(bodies)) ?? (await failureAfterLoad(mutant, loaded))
  } finally {
    Object.assign(meerkat, real)
  }
}

/** The tests that fail on the unchanged machine: there must be none, or verdicts are worth less. */
export async function failingAnyway(): Promise<readonly string[]> {
  loaded ??= await load()
  return failures
}

/** What a file computes while it is loaded takes another load. */
async function failureAfterLoad({ input }: Mutant, files: readonly TestFile[]): Promise<string | undefined> {
  generation++
  for (const { file, inputs } of files) {
    if (!inputs.has(input)) continue
    try {
      const failing = await firstFailure(await bodiesOf(file, `?${generation}`))
      if (failing !== undefined) return failing
    } catch {
      return `${file} can not be loaded`
    }
  }
  return undefined
}

type Untried = Omit<TestBody, 'inputs'>

async function load(): Promise<readonly TestFile[]> {
  const files: TestFile[] = []
  failures.length = 0
  for (const file of testFiles()) {
    const untried: Untried[] = []
    const inputs = await inputsOf(async () => void untried.push(...(await bodiesOf(file, ''))))
    const bodies: TestBody[] = []
    for (const body of untried) {
      let failing: string | undefined
      const asked = await inputsOf(async () => {
        failing = await firstFailure([body])
      })
      if (failing === undefined) bodies.push({ ...body, inputs: asked })
      else failures.push(failing)
    }
    files.push({ file, bodies, inputs })
  }
  return files
}

/** Those of the folder, and the truth tables in a folder of their own. */
function testFiles(): readonly string[] {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return paths.filter(path => path.endsWith('.test.ts') && !OTHERS.test(basename(path)))
}

/** The inputs that are applied to the real machine while `run` runs. */
async function inputsOf(run: () => unknown): Promise<ReadonlySet<string>> {
  const seen = new Set<string>()
  const step: typeof meerkat.step = (state, input) => {
    seen.add(input.type)
    return real.step(state, input)
  }
  Object.assign(meerkat, { step })
  try {
    await run()
  } finally {
    Object.assign(meerkat, real)
  }
  return seen
}

async function bodiesOf(file: string, query: string): Promise<readonly Untried[]> {
  await import(new URL(file + query, folder).href)
  return collected().map(({ name, run }) => ({ file, name, run }))
}

/** The tests of the region's own file come first. */
function inOrder(bodies: readonly TestBody[], region: string): readonly TestBody[] {
  const kebab = region.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
  const isOwn = ({ file }: TestBody): boolean => basename(file).startsWith(`${kebab}.`)
  return [...bodies.filter(isOwn), ...bodies.filter(one => !isOwn(one))]
}

async function firstFailure(bodies: readonly Untried[]): Promise<string | undefined> {
  for (const { file, name, run } of bodies) {
    try {
      await run()
    } catch {
      return `${file}: ${name}`
    }
  }
  return undefined
}
