/** `meerkat-ts/agent`: the shipped executor, its tools and its models. */
export { echo } from '../echo.ts'
export { type GuardOptions, guardProcess, type StrayError } from '../process-guard.ts'
export { type ResolveOptions, resolveModel } from '../providers.ts'
export { agent } from './agent.ts'
export type { AgentOptions, ToolSource, Tools } from './agent-options.ts'
export type { Budget } from './budget.ts'
export type { ModelFactory } from './choose-model.ts'
export type { CompactionOptions } from './compact.ts'
export { type DemoOptions, demoModel } from './demo-model.ts'
export { type DemoToolOptions, demoTools } from './demo-tools.ts'
export type { LanguageModel } from './model.ts'
export type { CallSettings } from './settings.ts'
export { type StillRunning, type StillRunningOptions, stillRunning } from './still-running.ts'
export { Interrupted } from './stopped.ts'
export {
  type AgentTool,
  type ApprovalExpiry,
  type ParsedArgs,
  type ResumeContext,
  type ToolContext,
  type ToolDefinition,
  tool,
} from './tool.ts'
export type { ToolWork } from './tool-scope.ts'
