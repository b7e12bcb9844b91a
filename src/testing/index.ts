/** What our own tests replace clocks, stores and executors by, and the contracts that yours can be held to. */
export { type FaultyStoreControl, faultyStore } from './faulty-store.ts'
export { ManualClock, manualClock } from './manual-clock.ts'
export {
  type ScriptedAnswer,
  type ScriptedCall,
  type ScriptedExecutor,
  ScriptedRun,
  scriptedExecutor,
} from './scripted-executor.ts'
export { type FreshStore, storeContract, type TestKit } from './store-contract.ts'
