// What the kernel declares, and which code outside the kernel sends each input and hears each effect. An input without
// a sender is a defect, or waits for later work: later work stands in undriven.ts, whose lists only shrink.
import { basename } from 'node:path'
import { HEARERS } from '../../src/driver/project.ts'
import { EFFECTS_FOR_LATER, undrivenInputs } from './undriven.ts'

/**
 * The rooms that a user reaches through the runtime, and a host's own. In the kernel, they include what says which
 * steps a session owes and which tools are offered.
 */
const product =
  /^src\/(?:driver|executor|loop|session|surfaces|store|client|telemetry)\/|^src\/(?:kernel\/(?:owed|tool-catalogue)|[\w-]+)\.ts$/
const hosts = /^src\/(?:auth|host|handles)\//

interface Reach {
  readonly declared: number
  /** Sent by no line outside the kernel and its tests. */
  readonly byNobody: readonly string[]
  /** Sent by hosts and handles alone. */
  readonly byHostsAlone: readonly string[]
}

/** Finds the senders of the kernel's inputs, in the texts of the project's files. */
function reachOfInputs(texts: ReadonlyMap<string, string>): Reach {
  const declared = new Set<string>()
  const inProduct = new Set<string>()
  const inHosts = new Set<string>()
  for (const [path, text] of texts) {
    if (product.test(path)) for (const name of namedIn(text)) inProduct.add(name)
    else if (hosts.test(path)) for (const name of namedIn(text)) inHosts.add(name)
    else if (path.startsWith('src/kernel/') && basename(path) === 'input.ts')
      for (const name of declaredIn(text)) declared.add(name)
  }
  const undriven = [...declared].toSorted().filter(name => !inProduct.has(name))
  return {
    declared: declared.size,
    byNobody: undriven.filter(name => !inHosts.has(name)),
    byHostsAlone: undriven.filter(name => inHosts.has(name)),
  }
}

/** The values that a union gives to `type`, also through a helper such as `OfRun<'Commit'>`. */
function* declaredIn(text: string): Iterable<string> {
  for (const [, union = ''] of text.matchAll(/(?:\btype:|\bOf\w*<)\s*\|?\s*((?:'\w+'(?:\s*\|\s*)?)+)/g))
    yield* namedIn(union)
}

function* namedIn(text: string): Iterable<string> {
  for (const [, name = ''] of text.matchAll(/'([A-Z]\w*)'/g)) yield name
}

function effectsForLater(): number {
  return Object.values(HEARERS).filter(hearer => hearer === 'later').length
}

/** What is wrong with the lists of undriven.ts, in words. */
export function reachProblems(texts: ReadonlyMap<string, string>): string[] {
  const { byNobody, byHostsAlone } = reachOfInputs(texts)
  const later = effectsForLater()
  const unlike =
    later === EFFECTS_FOR_LATER ? [] : [`reach: ${later} effects are for later, EFFECTS_FOR_LATER says otherwise`]
  return [
    ...differences('byNobody', byNobody, undrivenInputs.byNobody, 'sent by nobody'),
    ...differences('byHostsAlone', byHostsAlone, undrivenInputs.byHostsAlone, 'sent by hosts alone'),
    ...unlike,
  ]
}

function differences(list: string, found: readonly string[], listed: readonly string[], what: string): string[] {
  return [
    ...found.filter(name => !listed.includes(name)).map(name => `reach: ${name} is ${what}: drive it, or delete it`),
    ...listed
      .filter(name => !found.includes(name))
      .map(name => `reach: ${name} is not ${what} any more: take it out of ${list} in scripts/tidy/undriven.ts`),
  ]
}

/** The figures in one line. */
export function reachSummary(texts: ReadonlyMap<string, string>): string {
  const { declared, byNobody, byHostsAlone } = reachOfInputs(texts)
  const inputs = `${declared} kernel inputs (${byNobody.length} sent by nobody, ${byHostsAlone.length} by hosts alone)`
  return `${inputs}, ${Object.keys(HEARERS).length} effects (${effectsForLater()} for later)`
}
