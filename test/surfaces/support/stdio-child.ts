/** A process that serves a fake runtime on its stdin and stdout. */
import { serveStdio } from '../../../src/surfaces/stdio.ts'
import { FakeRuntime } from './fake-runtime.ts'

await serveStdio(new FakeRuntime())
