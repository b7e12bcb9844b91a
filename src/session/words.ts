/** Words for times and ids in messages to people. */

/** A span of time in words. */
export function spanOf(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000))
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 120) return `${minutes} min`
  return minutes < 2_880 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1_440)} days`
}

/** When a call expires that no person decides on, and what is decided then: times in ms since the epoch. */
export function expiryText(at: number, decision: 'allow' | 'deny', now: number): string {
  const how = decision === 'allow' ? 'counts as allowed' : 'counts as denied'
  return at <= now ? `${how} now` : `${how} in ${spanOf(at - now)}, at ${new Date(at).toISOString()}`
}

/** A session's id, quoted for a shell. */
export function shellWord(sessionId: string): string {
  return /^[\w.:@%+-]+$/.test(sessionId) && !sessionId.startsWith('-') ? sessionId : quoted(sessionId)
}

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`
