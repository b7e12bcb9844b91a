/** Replacements for clocks, stores and executors in tests, and the contract suite for stores of your own. */
export { type FaultyStoreControl, faultyStore } from './faulty-store.ts'
export { ManualClock, manualClock } from './manual-clock.ts'
export {
  type ScriptedAnswer,
  type ScriptedCall,
  type ScriptedExecutor,
  ScriptedRun,
  scriptedExecutor,
} from './scripted-executor.ts'
export { checkHistory } from './sim/check-history.ts'
export type { Effect, History, Rule, SessionHistory, Told, Violation } from './sim/history.ts'
export { reportText, simulate, simulateMany } from './sim/index.ts'
export { onSqlite } from './sim/on-sqlite.ts'
export type { FaultRates, SimulatedProcess, SimulationOptions, SimulationReport } from './sim/options.ts'
export { Random } from './sim/random.ts'
export { type FreshStore, storeContract, type TestKit } from './store-contract.ts'
