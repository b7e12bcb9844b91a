/**
 * What a config file may have besides the settings that flags and variables have: the options of the runtime, the agent
 * and the server, by their names in a program.
 *
 * The tables name every option: a new option of the runtime, the agent or the server does not compile until it has a
 * row here.
 */
import { AGENT_OPTIONS, type AgentOptions, checkNested } from '../../executor/agent/agent-options.ts'
import type { Budget } from '../../executor/agent/budget.ts'
import type { CoreExecutor } from '../../executor/executor.ts'
import {
  aBoolean,
  aCount,
  aDelay,
  aDuration,
  aFunction,
  anObject,
  checkFields,
  checkOptions,
  type Field,
  type Fields,
  optional,
} from '../../options.ts'
import type { RuntimeOptions } from '../../session/options.ts'
import type { RetentionPolicy } from '../../session/retention/policy.ts'
import { SERVE_OPTIONS, type ServeOptions } from '../server-options.ts'
import { usage } from './failure.ts'

/** The store is a setting; crash points are for tests. */
type OfRuntime = Omit<
  RuntimeOptions,
  'store' | 'executor' | 'maxRunMs' | 'maxConcurrentRuns' | 'maxQueuedInputs' | 'faults'
>
/** The model, its address and the tools are settings; what a run may spend stands in `budget`. */
type OfAgent = Omit<AgentOptions, 'model' | 'baseUrl' | 'tools' | 'system' | 'clock' | 'ids' | keyof Budget>
/** The command has its own runtime; the others are settings. */
type OfServer = Omit<ServeOptions, 'runtime' | 'host' | 'port' | 'token' | 'allowedHosts' | 'allowedOrigins' | 'log'>

/** The options of a config file, by what they configure. */
export interface ConfigOptions {
  readonly executor?: CoreExecutor
  readonly runtime: OfRuntime
  readonly agent: Partial<OfAgent & Budget>
  readonly server: OfServer
}

export const NO_OPTIONS: ConfigOptions = { runtime: {}, agent: {}, server: {} }

const anExecutor: Field = {
  wanted: 'an executor, such as agent() of meerkat-ts/agent makes',
  fits: value => anObject.fits(value) && aFunction.fits(Reflect.get(Object(value), 'apply')),
}

const RUNTIME: Fields<OfRuntime> = {
  takesFiles: optional(aBoolean),
  recover: optional(aBoolean),
  abortGraceMs: optional(aDelay),
  storePatienceMs: optional(aDelay),
  keepIdle: optional(aCount),
  idleMs: optional(aDelay),
  recoverEveryMs: optional(aDuration),
  retention: optional(anObject),
  observer: optional(anObject),
  clock: optional(anObject),
  ids: optional(anObject),
}

const { model: _m, baseUrl: _b, tools: _t, system: _s, clock: _c, ids: _i, ...ofAgent } = AGENT_OPTIONS
const { maxTokens, maxToolCalls, maxTurns, ...others } = ofAgent
const AGENT: Fields<OfAgent> = others
const BUDGET: Fields<Budget> = { maxTokens, maxToolCalls, maxTurns }

const {
  runtime: _r,
  host: _h,
  port: _p,
  token: _k,
  allowedHosts: _ah,
  allowedOrigins: _ao,
  log: _l,
  ...ofServer
} = SERVE_OPTIONS
const SERVER: Fields<OfServer> = ofServer

const RETENTION: Fields<RetentionPolicy> = {
  deltasAfterMs: optional(aDelay),
  eventsAfterMs: optional(aDelay),
  destroyedAfterMs: optional(aDelay),
  retiredAfterMs: optional(aDelay),
}

const ALL = { executor: optional(anExecutor), budget: optional(anObject), ...RUNTIME, ...AGENT, ...SERVER }

/** The names of all options. */
export const OPTION_NAMES: readonly string[] = Object.keys(ALL)

/** Reads the options from an evaluated file; `whose` is the file's name. */
export function readOptions(whose: string, values: Readonly<Record<string, unknown>>): ConfigOptions {
  checkFields(whose, values, ALL)
  const { executor, budget, retention } = values
  if (budget !== undefined) checkOptions(`budget in ${whose}`, budget, BUDGET)
  if (retention !== undefined) checkOptions(`retention in ${whose}`, retention, RETENTION)
  checkNested(`${whose}:`, values)
  const limits = isRecord(budget) ? chosen(budget, BUDGET) : {}
  const agent: Partial<OfAgent & Budget> = { ...chosen(values, AGENT), ...limits }
  if (executor !== undefined) refuseIdle(whose, { ...agent, ...('tools' in values ? { tools: values['tools'] } : {}) })
  // Every field was checked against its row.
  return {
    ...(executor !== undefined && { executor: executor as CoreExecutor }),
    runtime: chosen(values, RUNTIME),
    agent,
    server: chosen(values, SERVER),
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

/** Refuses options that an executor made by the config file would not read. */
function refuseIdle(whose: string, values: Readonly<Record<string, unknown>>): void {
  const [idle] = Object.keys(values)
  if (idle === undefined) return
  throw usage(`${whose} has an executor, which brings its own settings: leave out ${Object.keys(values).join(', ')}`)
}

function chosen<Of>(values: Readonly<Record<string, unknown>>, fields: Fields<Of>): Partial<Of> {
  const found = Object.keys(fields).filter(name => values[name] !== undefined)
  return Object.fromEntries(found.map(name => [name, values[name]])) as Partial<Of>
}
