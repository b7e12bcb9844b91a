// Writes docs/operations.md from the operations table. With --check it only says whether the file is up to date.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ERROR_CODES } from '../src/errors.ts'
import { resourceRoutes } from '../src/surfaces/http/routes.ts'
import { type JsonSchema, jsonSchemas, schemaNames } from '../src/surfaces/json-schemas.ts'
import { namedShapes } from '../src/surfaces/operations/shapes.ts'
import { type OperationName, operationNames, operations } from '../src/surfaces/operations.ts'

const file: string = join(dirname(import.meta.dirname), 'docs', 'operations.md')

type Schema = JsonSchema | boolean

const FAMILIES: Readonly<Record<string, string>> = {
  runtime: 'The runtime',
  session: 'Sessions',
  input: 'Inputs',
  run: 'Runs',
  events: 'Events',
  tool: 'Tools',
  call: 'Tool calls',
  approval: 'Approvals',
}

const INTRO = `# Operations

<!-- Written by scripts/operation-docs.ts from src/surfaces/operations.ts. Change those and run it again. -->

One table defines what a runtime can be asked. Every surface is generated from it, so an operation has the same name,
parameters, result and errors whichever way you call it:

| surface | how |
|---|---|
| JSON-RPC 2.0 | the name is the method: \`{"jsonrpc":"2.0","id":1,"method":"session/get","params":{"sessionId":"a"}}\` |
| REST | \`POST /v1/session/get\` with the parameters as JSON body, and the routes [below](#rest); \`GET /openapi.json\` describes all |
| typed client | \`createClient({ url }).call('session/get', { sessionId: 'a' })\` from \`meerkat-ts/client\` |
| in the same process | \`runtime.call('session/get', { sessionId: 'a' })\`; the runtime's methods are made of it |

Unknown keys are refused, everywhere alike. Ids are strings, times are ISO 8601 in UTC, durations are integers that end
in \`Ms\`. Results may grow fields; skip those you don't know.
`

const RPC = `## JSON-RPC

Over stdio a message is one line of JSON. Requests run side by side, so answers come in the order in which they are
done; a request starts when the sessions that earlier ones on its connection open are there. Beside the operations there
are:

| method | parameters | |
|---|---|---|
| \`events/subscribe\` | \`sessionId?\`, \`after?\` | answers \`{ subscription }\`, then sends a notification \`events/event\` \`{ subscription, event }\` for each event behind the cursor. Where reading fails, \`events/ended\` \`{ subscription, error }\` says so |
| \`events/unsubscribe\` | \`subscription\` | ends it |
| \`cancel\`, \`$/cancelRequest\` | \`id\` | a notification: gives up waiting for that request, which answers with what is known. It never cancels a run |
`

/** The whole document. */
export function operationDocs(): string {
  const schemas = jsonSchemas('#')
  const families = [...new Set(operationNames.map(familyOf))]
  return [
    INTRO,
    `${families.map(family => `- ${title(family)}: ${inFamily(family).map(linkTo).join(', ')}`).join('\n')}\n`,
    ...families.flatMap(family => [`## ${title(family)}\n`, ...inFamily(family).map(name => section(name, schemas))]),
    '## Shapes\n',
    ...Object.keys(namedShapes).map(name => `### ${name}\n\n${fieldTable(schemas[name] ?? {})}`),
    RPC,
    restSection(),
    errorSection(),
  ].join('\n')
}

function familyOf(name: OperationName): string {
  return name.split('/', 1)[0] ?? ''
}

function title(family: string): string {
  return FAMILIES[family] ?? family
}

function inFamily(family: string): readonly OperationName[] {
  return operationNames.filter(name => familyOf(name) === family)
}

function linkTo(name: OperationName): string {
  return `[\`${name}\`](#${name.replace('/', '')})`
}

function section(name: OperationName, schemas: Readonly<Record<string, JsonSchema>>): string {
  const { params, result } = schemaNames(name)
  const routes = resourceRoutes.filter(({ operation }) => operation === name)
  const rest = routes.map(({ method, path }) => `\`${method.toUpperCase()} ${spell(path)}\``)
  const also = rest.length > 0 ? `Also ${rest.join(', ')}.\n\n` : ''
  return `### ${name}\n\n${operations[name].doc}\n\n${also}${fieldTable(schemas[params] ?? {})}\nAnswers:\n\n${fieldTable(schemas[result] ?? {})}`
}

function fieldTable({ properties = {}, required = [] }: JsonSchema): string {
  const rows = Object.entries(properties).map(([name, schema]) => fieldRow(name, schema, required.includes(name)))
  if (rows.length === 0) return 'No parameters.\n'
  return `| field | type | |\n|---|---|---|\n${rows.join('\n')}\n`
}

function fieldRow(name: string, schema: Schema, required: boolean): string {
  const facts = typeof schema === 'boolean' ? {} : schema
  const standard = facts.default === undefined ? '' : ` Default ${JSON.stringify(facts.default)}.`
  return `| \`${name}${required ? '' : '?'}\` | ${escape(typeOf(schema))} | ${escape(facts.description ?? '')}${standard} |`
}

/** A schema in words. */
function typeOf(schema: Schema): string {
  if (typeof schema === 'boolean') return 'any'
  if (schema.$ref !== undefined) return refType(schema.$ref)
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``
  if (schema.enum !== undefined) return schema.enum.map(value => `\`${String(value)}\``).join(' | ')
  const choices = schema.anyOf ?? schema.oneOf
  if (choices !== undefined) return choices.map(typeOf).join(' or ')
  if (schema.type === 'array') return `list of ${itemType(schema.items)}`
  if (schema.type === 'object') return objectType(schema)
  return scalarType(schema)
}

function refType(ref: string): string {
  const name = ref.replace('#', '')
  return `[${name}](#${name.toLowerCase()})`
}

function itemType(items: JsonSchema['items']): string {
  if (items === undefined || Array.isArray(items)) return 'any'
  const type = typeOf(items)
  return type.includes(' or ') ? `(${type})` : type
}

function objectType({ properties = {}, required = [], additionalProperties }: JsonSchema): string {
  const fields = Object.entries(properties).map(
    ([name, schema]) => `${name}${required.includes(name) ? '' : '?'}: ${typeOf(schema)}`,
  )
  if (fields.length > 0) return `{ ${fields.join(', ')} }`
  return typeof additionalProperties === 'object' ? `object of ${typeOf(additionalProperties)}` : 'object'
}

function scalarType({ type, format, minimum, maximum }: JsonSchema): string {
  if (format === 'date-time') return 'time'
  if (type === undefined) return 'any'
  if (type !== 'integer') return String(type)
  const beyond = maximum === undefined || maximum === Number.MAX_SAFE_INTEGER
  if (minimum === undefined || minimum === Number.MIN_SAFE_INTEGER) return 'integer'
  return beyond ? `integer from ${minimum}` : `integer ${minimum} to ${maximum}`
}

/** A bar would end the table's cell. */
function escape(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

function spell(path: string): string {
  return path.replaceAll(/:(\w+)/g, '{$1}')
}

function restSection(): string {
  const rows = resourceRoutes.map(
    ({ method, path, operation }) => `| \`${method.toUpperCase()} ${spell(path)}\` | ${linkTo(operation)} |`,
  )
  return `## REST

Besides \`POST /v1/{operation}\`, with \`content-type: application/json\`:

| route | |
|---|---|
${rows.join('\n')}
| \`GET /v1/sessions/{sessionId}/events\` | the session's events as Server-Sent Events: the id is the cursor, the event its type. \`Last-Event-ID\` or \`?after=\` resumes behind a cursor |
| \`GET /v1/events\` | the same for all sessions |
| \`GET /healthz\` | [\`runtime/health\`](#runtimehealth), with status 503 when failing; without the token only the status |
| \`GET /openapi.json\` | OpenAPI 3.1 |

Parameters stand in the path, then in the query of a GET and in the body of a POST. The server takes requests for its
own host names and from its own pages only (\`allowedHosts\` and \`allowedOrigins\` of \`serve()\` name others), and with
\`--token\` only those with \`authorization: Bearer <token>\`.
`
}

function errorSection(): string {
  const rows = Object.entries(ERROR_CODES).map(
    ([code, { jsonRpc, http, exit, retryable }]) =>
      `| \`${code}\` | ${jsonRpc} | ${http} | ${exit} | ${retryable ? 'yes' : ''} |`,
  )
  return `## Errors

REST answers \`{ "error": { "code", "message", "retryable", "details"? } }\`; JSON-RPC has the message and its own code, and
\`data\` holds the rest. Decide by \`code\` and \`retryable\`, never by the message. \`details.issues\` of
\`invalid-params\` names each wrong field; \`details.retryAfterMs\` says when to try again.

| code | JSON-RPC | HTTP | CLI exit | retryable |
|---|---|---|---|---|
${rows.join('\n')}
`
}

function main(): void {
  const text = operationDocs()
  if (process.argv.includes('--check')) {
    if (readFileSync(file, 'utf8') === text) return
    console.error('docs/operations.md is out of date: run node scripts/operation-docs.ts')
    process.exitCode = 1
    return
  }
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

if (import.meta.main) main()
