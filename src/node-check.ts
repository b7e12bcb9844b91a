/**
 * Fails with one sentence on a Node that is too old. The build makes it the first import of every entry of the package.
 */
import { nodeRefusal } from './node-version.ts'

const refusal: string | undefined = nodeRefusal()
if (refusal !== undefined) throw new Error(refusal)
