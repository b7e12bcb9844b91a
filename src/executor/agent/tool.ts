/**
 * Tools: what a model may call.
 *
 * A tool declares what becomes of a call whose outcome was lost (`onLost`), because only its author knows whether calling
 * it twice does harm. The call id that `execute` gets is the same in every repetition: use it as an idempotency key.
 */
import type { z } from 'zod'
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

/** What a tool's function gets beside its arguments. */
export interface ToolContext {
  /** Stable across retries and restarts: the tool's idempotency key. */
  readonly callId: CallId
  readonly sessionId: SessionId
  readonly runId: RunId
  /**
   * Aborts when the call is to stop: a cancel, its timeout, or the runtime closing. For work that goes on behind a
   * `stillRunning` with a `finish`: when its operation ended without it (cancelled, out of time, its session over).
   */
  readonly signal: AbortSignal
  /** When the call is given up. */
  readonly deadline: Deadline
  /** Shows observers how far it is; its loss costs nothing. */
  readonly progress: (data: unknown) => void
  /** Where the call stands in a trace, for systems that it calls: a W3C `traceparent`. Where an observer traces. */
  readonly traceparent?: string
}

/** What `resume` gets beside the handle. */
export interface ResumeContext extends WatchContext {
  readonly operationId: OperationId
}

export type ParsedArgs =
  | { readonly ok: true; readonly args: unknown }
  | { readonly ok: false; readonly problem: string }

/** How long a decision is waited for, and what counts as decided after that. */
export interface ApprovalExpiry {
  readonly expiresMs: number
  readonly onExpiry: 'allow' | 'deny'
}

/** A tool as the agent sees it, wherever it comes from. `tool()` makes one of a Zod schema and a function. */
export interface AgentTool {
  readonly name: string
  readonly description: string
  /** JSON Schema of the arguments, as the model sees it. */
  readonly inputSchema: object
  /** What becomes of a call whose outcome was lost. */
  readonly onLost: CallPolicy
  readonly timeoutMs?: number
  /** Hidden from the model until it asks for it with `load_tools`, or somebody else does. */
  readonly deferred?: boolean
  /** The external tool surface that it is called through: the model sees it while that is active. */
  readonly surface?: string
  /** Whether the model's arguments fit; what `execute` gets is what this answers. */
  parse(args: unknown): Promise<ParsedArgs>
  /** Whether the call waits for a person's decision. Gets parsed arguments. */
  needsApproval(args: unknown): boolean | PromiseLike<boolean>
  /** What counts as decided about a call that needs approval if nobody decides in time. */
  readonly approval?: ApprovalExpiry
  /** Whether any call of it may need approval, for lists. */
  readonly mayNeedApproval: boolean
  execute(args: unknown, context: ToolContext): unknown
  /** Takes up work again that answered "still running" in an earlier process; resolves with what it comes to. */
  resume?(handle: unknown, context: ResumeContext): unknown
  /** What is wrong with a result, if the tool declares its form. */
  checkOutput?(output: unknown): Promise<string | undefined>
}

export interface ToolDefinition<Input extends z.ZodType, Output> {
  /** Letters, digits, `_` and `-`, at most 64. */
  readonly name: string
  readonly description: string
  readonly input: Input
  /** Checks the result; a result that does not fit is told to the model as a failure. */
  readonly output?: z.ZodType<Output>
  /** 60 s, or the agent's `toolTimeoutMs`, unless told. */
  readonly timeoutMs?: number
  /**
   * After a crash, when nobody knows whether the call took effect: `retry` calls it again with the same call id, `ask`
   * (default) waits for a person, `fail` tells the model that the outcome is unknown.
   */
  readonly onLost?: CallPolicy
  readonly needsApproval?: boolean | ((args: z.output<Input>) => boolean | PromiseLike<boolean>)
  /** A decision is waited for as long as it takes unless told, also across restarts. */
  readonly approval?: ApprovalExpiry
  /**
   * The model sees only its name and the first line of its description, and loads it with `load_tools` when it needs it;
   * false unless told. For programs with many tools.
   */
  readonly deferred?: boolean
  /** Returns what the model is told: anything JSON can hold, or `stillRunning(…)` for work that goes on behind it. */
  execute(
    args: z.output<Input>,
    context: ToolContext,
  ): Output | StillRunning<Output> | Promise<Output | StillRunning<Output>>
  /**
   * After a restart: waits on for work that answered `stillRunning({ handle })`, and resolves with what it comes to.
   * Without it such work ends with the process that began it, unless it was begun without `finish`.
   */
  resume?(handle: unknown, context: ResumeContext): Output | Promise<Output>
}

/** Makes a tool of a Zod schema and a function. */
export function tool<Input extends z.ZodType, Output>(definition: ToolDefinition<Input, Output>): AgentTool {
  checkOptions(named(definition), definition, DEFINITION)
  const { name, description, input, output, timeoutMs, onLost = 'ask', needsApproval = false, approval } = definition
  const { deferred } = definition
  // `parse` is the only maker of arguments, so what reaches the definition's functions has the schema's output type.
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

/** How a tool looks in `tool/list`. */
export function summaryOf(tool: AgentTool): ToolSummary {
  const { name, description, inputSchema, onLost, mayNeedApproval, deferred, surface } = tool
  const more = { ...(deferred === true && { deferred }), ...(surface !== undefined && { surface }) }
  return { name, description, inputSchema, policy: onLost, needsApproval: mayNeedApproval, ...more }
}

/** An array or a record of tools as one list, each name once a surface, each one a tool. */
export function toolList(tools: readonly AgentTool[] | Readonly<Record<string, AgentTool>>): readonly AgentTool[] {
  const given: unknown = tools
  if (typeof given !== 'object' || given === null) throw invalidOption('agent', 'tools', 'must be a list or a record')
  const list = listOf(tools)
  const names = new Set<string>()
  for (const one of list) {
    checkFields(named(one), one, TOOL)
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

/** What `tool()` takes. */
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

/** What the agent needs of a tool, wherever it comes from. */
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

/** What a tool is called in messages about it, as far as it has a name. */
function named(tool: unknown): string {
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
    // Providers want an object at the top, also where the schema is a union or says nothing.
    return schema.type === 'object' ? schema : { type: 'object', ...schema }
  } catch (cause) {
    const message = `the input schema of tool ${name} has no JSON Schema form: ${messageOf(cause)}`
    throw new MeerkatError('invalid-params', message, { cause, details: { issues: [{ path: 'input', message }] } })
  }
}

async function parseWith(schema: z.ZodType, value: unknown): Promise<ParsedArgs> {
  const parsed = await schema.safeParseAsync(value)
  return parsed.success ? { ok: true, args: parsed.data } : { ok: false, problem: await told(parsed.error) }
}

async function problemWith(schema: z.ZodType, value: unknown): Promise<string | undefined> {
  const parsed = await schema.safeParseAsync(value)
  return parsed.success ? undefined : await told(parsed.error)
}

/** Who has a schema has loaded the library already; who has no tools of this kind never loads it. */
async function told(error: z.ZodError): Promise<string> {
  return (await import('zod')).prettifyError(error)
}
