export type { InputId, RunId, SessionId } from './ids.ts'
export type { MeerkatInput, MeerkatState } from './machine.ts'
export { meerkat, step } from './machine.ts'
