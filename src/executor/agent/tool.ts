/**
 * Tools: functions that a model may call.
 *
 * A tool declares what becomes of a call whose outcome was lost (`onLost`), because only its author knows whether a
 * second call does harm. `execute` gets the same call id at every repetition: use it as an idempotency key.
 */

import type { z } from 'zod'
import { defined } from '../../defined.ts'
import { MeerkatError } from '../../errors.ts'
import { cutText, jsonOf, messageOf } from '../../foreign.ts'
import type { CallId, OperationId, RunId, SessionId } from '../../kernel/ids.ts'
import type { CallPolicy } from '../../kernel/regions/calls/state.ts'
import {
  aBoolean,
  aDuration,
  aFunction,
  anObject,
  aText,
  checkFields,
  checkOptions,
  either,
  type Field,
  type Fields,
  invalidOption,
  isFunction,
  oneOf,
  optional,
} from '../../options.ts'
import type { Deadline } from '../../time.ts'
import type { ToolSummary, WatchContext } from '../executor.ts'
import type { StillRunning } from './still-running.ts'

/** What a tool's function gets besides its arguments. */
export interface ToolContext {
  /** Stable across retries and restarts: the tool's idempotency key. */
  readonly callId: CallId
  readonly sessionId: SessionId
  readonly runId: RunId
  /**
   * Aborts when the call has to stop: because of a cancel, its timeout, or the runtime closing. For work that goes on
   * after a `stillRunning` with a `finish`: when its operation ended without it (cancelled, timed out, the session
   * over).
   */
  readonly signal: AbortSignal
  /** When the call is given up. */
  readonly deadline: Deadline
  /** Shows observers how far the call is; a lost report does no harm. */
  readonly progress: (data: unknown) => void
  /**
   * The call's place in a trace, for the systems that it calls: a W3C `traceparent`. Present where an observer traces.
   */
  readonly traceparent?: string
}

/** What `resume` gets besides the handle. */
export interface ResumeContext extends WatchContext {
  readonly operationId: OperationId
}

export type ParsedArgs =
  | { readonly ok: true; readonly args: unknown }
  | { readonly ok: false; readonly problem: string }

/** How long a decision is waited for, and what is decided afterwards. */
export interface ApprovalExpiry {
  readonly expiresMs: number
  readonly onExpiry: 'allow' | 'deny'
}

/** A tool as the agent sees it. `tool()` makes one from a Zod schema and a function. */
export interface AgentTool {
  readonly name: string
  readonly description: string
  /** JSON Schema of the arguments, as the model sees it. */
  readonly inputSchema: object
  /** What becomes of a call whose outcome was lost. */
  readonly onLost: CallPolicy
  readonly timeoutMs?: number
  /** Hidden from the model until the model loads it with `load_tools`, or a caller requests it. */
  readonly deferred?: boolean
  /** The external tool surface that it belongs to: the model sees it while that is active. */
  readonly surface?: string
  /** Checks the model's arguments; `execute` gets the answer. */
  parse(args: unknown): Promise<ParsedArgs>
  /** Whether the call needs a person's decision. Gets checked arguments. */
  needsApproval(args: unknown): boolean | PromiseLike<boolean>
  /** The decision about a call that needs approval where no person decides in time. */
  readonly approval?: ApprovalExpiry
  /** Whether a call may need approval, for lists of tools. */
  readonly mayNeedApproval: boolean
  execute(args: unknown, context: ToolContext): unknown
  /** Resumes work that answered "still running" in an earlier process; resolves with its result. */
  resume?(handle: unknown, context: ResumeContext): unknown
  /** What is wrong with a result, where the tool declares the form of its results; undefined: nothing. */
  checkOutput?(output: unknown): Promise<string | undefined>
}

export interface ToolDefinition<Input extends z.ZodType, Output> {
  /** Letters, digits, `_` and `-`, at most 64. */
  readonly name: string
  readonly description: string
  readonly input: Input
  /** Checks the result; one that does not fit is told to the model as a failure. */
  readonly output?: z.ZodType<Output>
  /** Default: the agent's `toolTimeoutMs`, which is 60 s by default. */
  readonly timeoutMs?: number
  /**
   * What happens after a crash, when it is unknown whether the call took effect. `retry`: it is called again with the
   * same call id. `ask` (default): a person decides. `fail`: the model is told that the outcome is unknown.
   */
  readonly onLost?: CallPolicy
  readonly needsApproval?: boolean | ((args: z.output<Input>) => boolean | PromiseLike<boolean>)
  /** How long a decision is waited for; default: without limit, also across restarts. */
  readonly approval?: ApprovalExpiry
  /**
   * True: the model sees only the tool's name and the first line of its description, and loads the tool with
   * `load_tools` when needed. Default false. For programs with many tools.
   */
  readonly deferred?: boolean
  /** Returns what the model is told: any JSON value, or `stillRunning(…)` for work that goes on afterwards. */
  execute(
    args: z.output<Input>,
    context: ToolContext,
  ): Output | StillRunning<Output> | Promise<Output | StillRunning<Output>>
  /**
   * After a restart: waits for work that answered `stillRunning({ handle })`, and resolves with its result. Without it,
   * such work ends with its process, unless it was begun without `finish`.
   */
  resume?(handle: unknown, context: ResumeContext): Output | Promise<Output>
}

/** Makes a tool from a Zod schema and a function. */
export function tool<Input extends z.ZodType, Output>(definition: ToolDefinition<Input, Output>): AgentTool {
  checkOptions(shownName(definition), definition, DEFINITION)
  const { name, description, input, output, timeoutMs, onLost = 'ask', needsApproval = false, approval } = definition
  const { deferred } = definition
  // Arguments are made by `parse` alone, so they have the schema's output type.
  const typed = (args: unknown): z.output<Input> => args as z.output<Input>
  return {
    name,
    description,
    inputSchema: jsonSchemaOf(name, input),
    onLost,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(deferred === undefined ? {} : { deferred }),
    parse: args => parseWith(input, args),
    needsApproval: args => (typeof needsApproval === 'boolean' ? needsApproval : needsApproval(typed(args))),
    mayNeedApproval: needsApproval !== false,
    ...(approval && { approval: { expiresMs: approval.expiresMs, onExpiry: approval.onExpiry } }),
    execute: (args, context) => definition.execute(typed(args), context),
    ...(definition.resume && { resume: (handle, context) => definition.resume?.(handle, context) }),
    ...(output === undefined ? {} : { checkOutput: result => problemWith(output, result) }),
  }
}

/** A tool as `tool/list` shows it. */
export function summaryOf(tool: AgentTool): ToolSummary {
  const { name, description, inputSchema, onLost, mayNeedApproval, deferred, surface } = tool
  const more = { ...(deferred === true && { deferred }), ...defined({ surface }) }
  return { name, description, inputSchema, policy: onLost, needsApproval: mayNeedApproval, ...more }
}

/** An array or record of tools as a list; checks that each is a tool and that a name occurs once a surface. */
export function toolList(tools: readonly AgentTool[] | Readonly<Record<string, AgentTool>>): readonly AgentTool[] {
  const given: unknown = tools
  if (typeof given !== 'object' || given === null) throw invalidOption('agent', 'tools', 'must be a list or a record')
  const list = listOf(tools)
  const names = new Set<string>()
  for (const one of list) {
    checkFields(shownName(one), one, TOOL)
    const { name, surface = '' } = one
    const place = `${surface}\0${name}`
    if (names.has(place)) throw new MeerkatError('invalid-params', `two tools are named ${name}`, { details: { name } })
    names.add(place)
  }
  return list
}

function listOf(tools: readonly AgentTool[] | Readonly<Record<string, AgentTool>>): readonly AgentTool[] {
  try {
    return isList(tools) ? [...tools] : Object.values(tools)
  } catch (error) {
    throw invalidOption('agent', 'tools', `can't be read: ${messageOf(error)}`)
  }
}

function isList(tools: readonly AgentTool[] | Readonly<Record<string, AgentTool>>): tools is readonly AgentTool[] {
  return Array.isArray(tools)
}

const NAME = /^[\w-]{1,64}$/
const aName: Field = {
  wanted: "1 to 64 letters, digits, _ or - (a tool's name)",
  fits: value => typeof value === 'string' && NAME.test(value),
}
const aSchema: Field = {
  wanted: 'a Zod schema',
  fits: value =>
    typeof value === 'object' &&
    value !== null &&
    isFunction(Reflect.get(value, 'toJSONSchema')) &&
    isFunction(Reflect.get(value, 'safeParseAsync')),
}
const aJsonSchema: Field = {
  wanted: 'a JSON Schema of at most 256 Ki characters',
  fits: value => anObject.fits(value) && !('problem' in jsonOf(value, 256 * 1024)),
}
const aPolicy = oneOf('retry', 'ask', 'fail')
const anExpiry: Field = {
  wanted: '{ expiresMs, onExpiry }: milliseconds above 0, and allow or deny',
  fits: value =>
    typeof value === 'object' &&
    value !== null &&
    aDuration.fits(Reflect.get(value, 'expiresMs')) &&
    oneOf('allow', 'deny').fits(Reflect.get(value, 'onExpiry')),
}

/** The form of the definition. */
const DEFINITION: Fields<ToolDefinition<z.ZodType, unknown>> = {
  name: aName,
  description: aText,
  input: aSchema,
  output: optional(aSchema),
  timeoutMs: optional(aDuration),
  onLost: optional(aPolicy),
  needsApproval: optional(either(aBoolean, aFunction)),
  approval: optional(anExpiry),
  deferred: optional(aBoolean),
  execute: aFunction,
  resume: optional(aFunction),
}

/** The form of a tool. */
const TOOL: Fields<AgentTool> = {
  name: aName,
  description: aText,
  inputSchema: aJsonSchema,
  onLost: aPolicy,
  timeoutMs: optional(aDuration),
  deferred: optional(aBoolean),
  surface: optional(aText),
  parse: aFunction,
  needsApproval: aFunction,
  approval: optional(anExpiry),
  mayNeedApproval: aBoolean,
  execute: aFunction,
  resume: optional(aFunction),
  checkOutput: optional(aFunction),
}

/** The tool's name in messages about it, as far as it has one. */
function shownName(tool: unknown): string {
  try {
    const name: unknown = typeof tool === 'object' && tool !== null ? Reflect.get(tool, 'name') : undefined
    return typeof name === 'string' ? `tool ${JSON.stringify(cutText(name, 64))}` : 'a tool'
  } catch {
    return 'a tool'
  }
}

function jsonSchemaOf(name: string, input: z.ZodType): object {
  try {
    const { $schema: _, ...schema } = input.toJSONSchema({ io: 'input', target: 'draft-7' })
    // Providers demand an object at the top, also where the schema is a union or says nothing.
    return schema.type === 'object' ? schema : { type: 'object', ...schema }
  } catch (cause) {
    const message = `the input schema of tool ${name} has no JSON Schema form: ${messageOf(cause)}`
    throw new MeerkatError('invalid-params', message, { cause, details: { issues: [{ path: 'input', message }] } })
  }
}

async function parseWith(schema: z.ZodType, value: unknown): Promise<ParsedArgs> {
  const parsed = await schema.safeParseAsync(value)
  return parsed.success ? { ok: true, args: parsed.data } : { ok: false, problem: await problemText(parsed.error) }
}

async function problemWith(schema: z.ZodType, value: unknown): Promise<string | undefined> {
  const parsed = await schema.safeParseAsync(value)
  return parsed.success ? undefined : await problemText(parsed.error)
}

/** A tool with a Zod schema has loaded the library already; without such tools it is never loaded. */
async function problemText(error: z.ZodError): Promise<string> {
  return (await import('zod')).prettifyError(error)
}
