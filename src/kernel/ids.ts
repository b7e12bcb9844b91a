/** Branded identifiers: plain strings on the wire, never interchangeable in code. */
declare const brand: unique symbol

export type Branded<Name extends string> = string & { readonly [brand]: Name }

/** A conversation. Given by its opener or a UUID v7. */
export type SessionId = Branded<'SessionId'>
/** One accepted input, a UUID v7. Stable from acceptance to the last question about it. */
export type InputId = Branded<'InputId'>
/** One attempt to answer inputs, a UUID v7. A retried input gets a new run. */
export type RunId = Branded<'RunId'>
/** One tool call. Stable across retries and restarts, so a tool may use it as its idempotency key. */
export type CallId = Branded<'CallId'>
/** The placement a host bound the session to. */
export type AgentRuntimeId = Branded<'AgentRuntimeId'>
/** One continuous ordering domain for a session's asynchronous work. */
export type RuntimeEpochId = Branded<'RuntimeEpochId'>
/** One piece of asynchronous work beside the session's turns, a UUID v7. Never used for another. */
export type OperationId = Branded<'OperationId'>
/** One wait for a set of operations. It tells late reports about an earlier wait apart. */
export type WaitId = Branded<'WaitId'>
/** One timer or recurring wake-up of a session. */
export type ScheduleId = Branded<'ScheduleId'>
/** One request to or from a peer, with all that answers it: the UUID of the request's envelope. */
export type PeerCorrelationId = Branded<'PeerCorrelationId'>
/** Another agent among the peers: derived from its signing key. */
export type PeerId = Branded<'PeerId'>
/** One running instance of peer communication. */
export type CommsRuntimeId = Branded<'CommsRuntimeId'>
/** A mob: a group of agents that work together. */
export type MobId = Branded<'MobId'>
/** One MCP server, by its name in the configuration. */
export type McpServerId = Branded<'McpServerId'>
/** An external server that offers tools: for an MCP server the name of it. */
export type SurfaceId = Branded<'SurfaceId'>
/** A channel through which a client talks with a session as it answers. Its host chooses it. */
export type LiveChannelId = Branded<'LiveChannelId'>
/** A token that opens a live channel once, or its digest. */
export type LiveToken = Branded<'LiveToken'>
