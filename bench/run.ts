/** `npm run bench [-- NAME ...]`: one JSON object a line, each figure beside its floor of the same run. */
import type { Figure } from './figure.ts'

const BENCHES: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
  turns: async () => (await import('./turns.ts')).turnsBench(),
  postgres: async () => (await import('./postgres.ts')).postgresBench(),
  restart: async () => (await import('./restart.ts')).restartBench(),
  growth: async () => (await import('./growth.ts')).growthBench(),
  kernel: async () => (await import('./kernel.ts')).kernelBench(),
  start: async () => (await import('./start.ts')).startBench(),
  streaming: async () => (await import('./streaming.ts')).streamingBench(),
  idle: async () => (await import('./idle.ts')).idleBench(),
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter(name => !(name in BENCHES))
if (unknown.length > 0) {
  console.error(`there is no benchmark ${unknown.join(', ')}; there are ${Object.keys(BENCHES).join(', ')}`)
  process.exit(2)
}
for (const [name, bench] of Object.entries(BENCHES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  for (const figure of await bench()) console.log(JSON.stringify(rounded(figure)))
}

function rounded(figure: Figure): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(figure).map(([key, value]) => [
      key,
      typeof value === 'number' ? Number(value.toPrecision(4)) : value,
    ]),
  )
}
