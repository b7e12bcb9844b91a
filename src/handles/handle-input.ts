/**
 * Checks the inputs that come through handles, where they enter the session's authority. The kernel decides what is
 * legal; this only makes sure that an input can be read, is a copy that the caller can't change, and contains only what
 * a log can hold.
 */
import { MeerkatError } from '../errors.ts'
import type { MeerkatInput } from '../kernel/inputs.ts'
import { meerkat } from '../kernel/machine.ts'
import type { LifecycleInput } from '../kernel/regions/lifecycle/input.ts'
import type { RegistrationInput } from '../kernel/regions/registration/input.ts'
import { MAX_KEY_CHARS, PRINTABLE } from '../names.ts'

/** Steps of a run's life that a handle may take. */
const OF_LIFECYCLE = ['Prepare', 'Commit', 'Fail', 'CancelRun', 'Recycle'] as const

/** The inputs that a handle may give. Lifecycle and registration belong to the runtime. */
export type HandleInput =
  | Exclude<MeerkatInput, LifecycleInput | RegistrationInput>
  | Extract<MeerkatInput, { readonly type: (typeof OF_LIFECYCLE)[number] }>

const TYPES: ReadonlySet<string> = new Set([
  ...meerkat.regions
    .filter(({ name }) => name !== 'lifecycle' && name !== 'registration')
    .flatMap(({ on }) => Object.keys(on)),
  ...OF_LIFECYCLE,
])

type FieldsOf<Input> = Input extends unknown ? keyof Input : never
type Field = Exclude<FieldsOf<HandleInput>, 'type'>
type ValueOf<Name extends Field> = HandleInput extends infer Input
  ? Input extends { readonly [N in Name]?: infer Value }
    ? Value
    : never
  : never

/**
 * `name`: an id, or one of a few words (an object lists them). `text`: any text that people may read. `count`: a whole
 * number from 0 on. `names`: a list of the first. `plain`: data of any form.
 */
type Kind = 'name' | 'text' | 'count' | 'flag' | 'names' | 'plain' | Readonly<Record<string, true>>
type KindOf<Value> = [Value] extends [boolean]
  ? 'flag'
  : [Value] extends [number]
    ? 'count'
    : [Value] extends [string]
      ? 'name' | 'text' | Readonly<Record<Value, true>>
      : [Value] extends [readonly string[]]
        ? 'names'
        : 'plain'

const KINDS: { readonly [Name in Field]: KindOf<ValueOf<Name>> } = {
  active: 'plain',
  activeRevision: 'count',
  addressMatches: 'flag',
  advancedAtMs: 'count',
  allow: 'names',
  answerObservationSequence: 'count',
  appliedAtTurn: 'count',
  approval: 'plain',
  at: 'count',
  attempt: 'count',
  auth: 'name',
  authorities: 'plain',
  authorityEpoch: 'count',
  barrier: 'names',
  baselineMs: 'count',
  bootstrapTokenMatches: 'flag',
  callId: 'name',
  callIds: 'names',
  calls: 'plain',
  catalog: 'plain',
  cause: 'name',
  channelId: 'name',
  chosen: 'flag',
  closeObservationSequence: 'count',
  command: 'plain',
  commandAcceptanceSequence: 'count',
  commsRuntimeId: 'name',
  content: { conversation: true, empty: true },
  continuation: { ordinary: true, 'workgraph-attention': true },
  correlationId: 'name',
  covers: 'count',
  cursor: { agentApplied: true, runtimeObserved: true, runtimeInjected: true },
  deadlineAtMs: 'count',
  decision: { allow: true, deny: true },
  degradationDetail: 'text',
  degradationReason: 'name',
  denial: 'name',
  deny: 'names',
  displayName: 'text',
  disposition: 'name',
  dueAt: 'count',
  durability: { durable: true, ephemeral: true, derived: true },
  endpoint: 'plain',
  endpoints: 'plain',
  envelope: 'plain',
  epoch: 'count',
  epochId: 'name',
  error: 'text',
  expectedPeerIdMatches: 'flag',
  fence: 'count',
  filter: 'plain',
  fromPeer: 'text',
  fromPeerId: 'name',
  generation: 'count',
  identity: 'plain',
  imageToolResults: 'flag',
  inherited: 'plain',
  injectsContext: 'flag',
  inputId: 'name',
  intent: 'text',
  issuedAtMs: 'count',
  itemId: 'name',
  keepAlive: 'flag',
  keepsAnswer: 'flag',
  kind: 'name',
  lane: { queue: true, steer: true },
  llmIdentity: 'plain',
  malformedTerminal: 'flag',
  maxConcurrent: 'count',
  maxExtractions: 'count',
  maxTurns: 'count',
  messages: 'count',
  misfire: 'name',
  missed: 'count',
  mobId: 'name',
  model: 'name',
  mostCrashes: 'count',
  mode: { Timed: true, AttachedSession: true, PersistentHost: true, queue: true, steer: true, supersede: true },
  most: 'count',
  mostUnfinished: 'count',
  names: 'names',
  next: 'plain',
  nextBindingState: 'name',
  nextDueAt: 'count',
  nextRetryAtMs: 'count',
  nowMs: 'count',
  observation: 'plain',
  observedAtMs: 'count',
  observedMs: 'count',
  operationId: 'name',
  operationIds: 'names',
  origin: 'name',
  outcomes: 'plain',
  overlap: 'name',
  overlayEpoch: 'count',
  passives: { along: true },
  paused: 'flag',
  payload: 'text',
  peerId: 'name',
  pendingTaskSequence: 'count',
  preflight: 'name',
  present: 'flag',
  previous: 'plain',
  profile: 'plain',
  providerText: 'name',
  queue: { open: true, full: true, closed: true },
  queueAcceptanceSequence: 'count',
  queuedWork: 'flag',
  realtimeTransport: { detachable: true, required: true },
  reason: 'text',
  recipientPeerId: 'name',
  recurring: 'flag',
  refs: 'names',
  rejection: 'name',
  request: 'name',
  requestId: 'name',
  requiresScopedOverride: 'flag',
  resolution: { failed: true, retry: true, succeeded: true },
  respawnable: 'flag',
  resumable: 'flag',
  retry: 'plain',
  retryAttempt: 'count',
  revision: 'count',
  runId: 'name',
  runtimeId: 'name',
  scheduleId: 'name',
  seen: 'plain',
  senderMatchesSupervisor: 'flag',
  senderPeerId: 'name',
  senderSigningKey: 'text',
  serverId: 'name',
  sessionId: 'name',
  source: 'plain',
  sourceName: 'text',
  staged: 'plain',
  stagedIntentSequence: 'count',
  stagedRevision: 'count',
  status: 'name',
  statusObservationSequence: 'count',
  supersessionKey: 'text',
  supervisor: 'plain',
  supervisorEpoch: 'count',
  supervisorPeerId: 'name',
  surface: 'plain',
  surfaceId: 'name',
  target: 'plain',
  terminal: 'name',
  through: 'count',
  timeoutMs: 'count',
  token: 'name',
  toolCount: 'count',
  tools: 'names',
  trusted: 'flag',
  ttlMs: 'count',
  turn: 'name',
  turns: 'count',
  updatedAt: 'count',
  vision: 'flag',
  waitId: 'name',
  withoutWake: 'flag',
  witnesses: 'plain',
  workId: 'name',
}

/** The longest text, the longest list and the deepest nesting that are accepted. */
const MAX_TEXT_CHARS = 1_048_576
const MAX_ITEMS = 100_000
const MAX_DEPTH = 32

/** A copy of the input. Throws `invalid-params` for one that can't be read. */
export function soundInput<Input extends HandleInput>(input: Input): Input {
  try {
    // The copy has the same fields and values, and so the same type.
    return copyOf(input) as Input
  } catch (cause) {
    if (cause instanceof MeerkatError) throw cause
    throw wrong('input', 'can not be read', cause)
  }
}

function copyOf(input: unknown): object {
  if (typeof input !== 'object' || input === null) throw wrong('input', 'is not an object')
  const { type, ...fields }: Readonly<Record<string, unknown>> = { ...input }
  if (typeof type !== 'string' || !TYPES.has(type)) throw wrong('type', 'is not one that a handle may say')
  const copied = Object.entries(fields).map(([name, value]) => [name, field(name, value)] as const)
  return { type, ...Object.fromEntries(copied) }
}

function field(name: string, value: unknown): unknown {
  const kind: Kind | undefined = Object.hasOwn(KINDS, name) ? KINDS[name as Field] : undefined
  const problem = kind === undefined ? 'is unknown' : problemOf(kind, value)
  if (problem !== undefined) throw wrong(name, problem)
  return plain(name, value, 0)
}

const CHECKS: Readonly<Record<Extract<Kind, string>, readonly [is: (value: unknown) => boolean, problem: string]>> = {
  name: [isName, `has to be a text of 1 to ${MAX_KEY_CHARS} printable characters`],
  text: [value => typeof value === 'string', 'has to be a text'],
  count: [value => Number.isSafeInteger(value) && Number(value) >= 0, 'has to be a whole number from 0 on'],
  flag: [value => typeof value === 'boolean', 'has to be true or false'],
  names: [value => Array.isArray(value) && value.every(isName), 'has to be a list of names'],
  plain: [value => value !== null && value !== undefined, 'is missing'],
}

function problemOf(kind: Kind, value: unknown): string | undefined {
  if (typeof kind === 'string') {
    const [is, problem] = CHECKS[kind]
    return is(value) ? undefined : problem
  }
  const isListed = typeof value === 'string' && Object.hasOwn(kind, value)
  return isListed ? undefined : `has to be one of ${Object.keys(kind).join(', ')}`
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= MAX_KEY_CHARS && PRINTABLE.test(value)
}

/** Data that a log can hold, as a copy. Undefined values are left out. */
function plain(path: string, value: unknown, depth: number): unknown {
  if (typeof value === 'string') {
    if (value.length > MAX_TEXT_CHARS) throw wrong(path, `holds more than ${MAX_TEXT_CHARS} characters`)
    if (!value.isWellFormed()) throw wrong(path, 'holds half a surrogate pair')
    return value
  }
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return value
  if (typeof value !== 'object' || value === null) throw wrong(path, 'holds what is no data')
  if (depth > MAX_DEPTH) throw wrong(path, 'is nested too deep')
  if (Array.isArray(value)) {
    if (value.length > MAX_ITEMS) throw wrong(path, `holds more than ${MAX_ITEMS} items`)
    return value.map(one => plain(path, one, depth + 1))
  }
  const present = Object.entries(value).filter(([, inner]) => inner !== undefined)
  return Object.fromEntries(present.map(([name, inner]) => [name, plain(`${path}.${name}`, inner, depth + 1)]))
}

function wrong(path: string, problem: string, cause?: unknown): MeerkatError {
  const message = `${path} ${problem}`
  return new MeerkatError('invalid-params', message, { cause, details: { issues: [{ path, message: problem }] } })
}
