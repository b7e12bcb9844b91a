/** A fleet on a real PostgreSQL server, started and ended around it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freshSchema, postgresServer } from '../support/postgres.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { type FleetOptions, type FleetReport, runFleet } from './campaign.ts'

const MEMBERS = 3

export async function fleetOnPostgres(
  options: Omit<FleetOptions, 'url' | 'schema' | 'proxies' | 'dir'>,
): Promise<FleetReport & { readonly dir: string }> {
  const url = (await postgresServer()).url()
  const dir = mkdtempSync(join(tmpdir(), 'meerkat-fleet-'))
  const proxies = await Promise.all(Array.from({ length: MEMBERS }, () => tcpProxy(url)))
  try {
    const report = await runFleet({ ...options, url, schema: freshSchema(), proxies, dir })
    if (report.faults.length === 0) rmSync(dir, { recursive: true })
    return { ...report, dir }
  } finally {
    await Promise.all(proxies.map(proxy => proxy.close()))
  }
}
