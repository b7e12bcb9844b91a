/**
 * Whether the Node that runs this is new enough, in one sentence.
 *
 * This is the first code of the package that runs, so it uses nothing that an old Node lacks.
 */

/** The oldest Node that has all that the package uses: node:sqlite without a flag, with backups and a busy timeout. */
const OLDEST = { major: 22, minor: 16 } as const

/** Why the package can't run on this Node; undefined where it can, and where there is no Node, as in a browser. */
export function nodeRefusal(versions: { readonly node?: string } | undefined = nodeVersions()): string | undefined {
  const version = versions?.node
  if (version === undefined) return undefined
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor)) return undefined
  return `meerkat-ts needs Node ${OLDEST.major}.${OLDEST.minor} or newer; this is v${version}`
}

function nodeVersions(): { readonly node?: string } | undefined {
  return typeof process === 'undefined' ? undefined : process.versions
}
