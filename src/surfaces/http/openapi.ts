/** The OpenAPI document of the REST surface, generated from the operations table. */
import { ERROR_CODES } from '../../errors.ts'
import { type JsonSchema, jsonSchemas, schemaNames } from '../json-schemas.ts'
import { type OperationName, operationNames, operations } from '../operations.ts'
import { eventRoutes, pathParams, type ResourceRoute, resourceRoutes } from './routes.ts'

type Json = Readonly<Record<string, unknown>>
type Schemas = Readonly<Record<string, JsonSchema>>

const PREFIX = '#/components/schemas/'

/** Built once; only the version could differ. */
let built: { readonly version: string; readonly document: Json } | undefined

export function openApi(version: string): Json {
  if (built?.version !== version) built = { version, document: build(version) }
  return built.document
}

function build(version: string): Json {
  const schemas = jsonSchemas(PREFIX)
  return {
    openapi: '3.1.0',
    info: { title: 'Meerkat', version, description: 'A durable session runtime for AI agents.' },
    // With or without a token: the server's settings decide whether one is needed.
    security: [{}, { bearer: [] }],
    paths: paths(schemas),
    components: {
      schemas: { ...schemas, Error: errorSchema() },
      responses: { Error: { description: 'What went wrong.', content: json({ $ref: `${PREFIX}Error` }) } },
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
    },
  }
}

function paths(schemas: Schemas): Json {
  const entries: (readonly [path: string, method: string, described: Json])[] = [
    ...operationNames.map(name => [`/v1/${name}`, 'post', describeCall(name)] as const),
    ...resourceRoutes.map(route => [spell(route.path), route.method, describeResource(route, schemas)] as const),
    ...eventRoutes.map(path => [spell(path), 'get', describeStream(path)] as const),
    ['/healthz', 'get', describeHealth()],
  ]
  const found: Record<string, Json> = {}
  for (const [path, method, described] of entries) found[path] = { ...found[path], [method]: described }
  return found
}

function describeCall(name: OperationName): Json {
  return {
    operationId: name,
    summary: operations[name].doc,
    tags: [name.split('/', 1)[0]],
    ...(keyHeader(name).length > 0 && { parameters: keyHeader(name) }),
    requestBody: { required: true, content: json({ $ref: PREFIX + schemaNames(name).params }) },
    responses: answers(name),
  }
}

function describeResource({ method, path, operation }: ResourceRoute, schemas: Schemas): Json {
  const inPath = pathParams(path)
  const { properties = {}, required = [], ...rest } = schemas[schemaNames(operation).params] ?? {}
  const others = Object.entries(properties).filter(([field]) => !inPath.includes(field))
  const needed = required.filter(field => !inPath.includes(field))
  const described = {
    operationId: `${method} ${spell(path)}`,
    summary: operations[operation].doc,
    tags: ['resources'],
    responses: answers(operation),
  }
  const body = { ...rest, properties: Object.fromEntries(others), ...(needed.length > 0 ? { required: needed } : {}) }
  if (method === 'post') {
    const parameters = [...inPath.map(inPathParam), ...keyHeader(operation)]
    return { ...described, parameters, requestBody: { required: true, content: json(body) } }
  }
  return {
    ...described,
    parameters: [...inPath.map(inPathParam), ...others.map(([field, schema]) => inQuery(field, schema))],
  }
}

/** The header that counts like the field, for operations with that field. */
function keyHeader(name: OperationName): readonly Json[] {
  if (!Object.hasOwn(operations[name].input.shape, 'idempotencyKey')) return []
  return [{ name: 'Idempotency-Key', in: 'header', schema: { type: 'string' }, description: 'Counts like the field.' }]
}

function describeStream(path: string): Json {
  const inPath = pathParams(path)
  const lastEventId = { name: 'Last-Event-ID', in: 'header', schema: { type: 'string' } }
  return {
    operationId: `get ${spell(path)}`,
    summary: 'Streams events as Server-Sent Events: the id is the cursor, and `Last-Event-ID` resumes behind it.',
    tags: ['resources'],
    parameters: [...inPath.map(inPathParam), inQuery('after', { type: 'string' }), lastEventId],
    responses: {
      '200': {
        description: 'Events, one after another.',
        content: { 'text/event-stream': { schema: { type: 'string' } } },
      },
      default: { $ref: '#/components/responses/Error' },
    },
  }
}

function describeHealth(): Json {
  const content = json({ $ref: PREFIX + schemaNames('runtime/health').result })
  return {
    operationId: 'get /healthz',
    summary: 'Health for probes; callers without the token learn the status only.',
    tags: ['resources'],
    responses: {
      '200': { description: 'The status is ok or degraded.', content },
      '503': { description: 'The status is failing.', content },
    },
  }
}

function answers(name: OperationName): Json {
  return {
    '200': { description: 'Done.', content: json({ $ref: PREFIX + schemaNames(name).result }) },
    default: { $ref: '#/components/responses/Error' },
  }
}

function errorSchema(): JsonSchema {
  return {
    type: 'object',
    required: ['error'],
    properties: {
      error: {
        type: 'object',
        required: ['code', 'message', 'retryable'],
        properties: {
          code: { type: 'string', enum: Object.keys(ERROR_CODES) },
          message: { type: 'string' },
          retryable: { type: 'boolean', description: 'Whether the same call may succeed later.' },
          details: { type: 'object', additionalProperties: {} },
        },
      },
    },
  }
}

function spell(path: string): string {
  return path.replaceAll(/:(\w+)/g, '{$1}')
}

function json(schema: unknown): Json {
  return { 'application/json': { schema } }
}

function inPathParam(name: string): Json {
  return { name, in: 'path', required: true, schema: { type: 'string' } }
}

function inQuery(name: string, schema: unknown): Json {
  return { name, in: 'query', schema }
}
