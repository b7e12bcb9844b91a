/** Calls a server's operations. Failures are told in the words of the command line. */
import { createClient } from '../../client/client.ts'
import { defined } from '../../defined.ts'
import { asMeerkatError, MeerkatError } from '../../errors.ts'
import type { Ask, ServerAddress } from './ask.ts'

export function askServer({ url, token }: ServerAddress): Ask {
  const client = createClient({ url, ...defined({ token }) })
  return async (name, params, options) => {
    try {
      return await client.call(name, params, defined({ signal: options?.signal }))
    } catch (error) {
      if (options?.signal?.aborted === true) throw error
      throw inOurWords(asMeerkatError(error), url, token)
    }
  }
}

function inOurWords(error: MeerkatError, url: string, token: string | undefined): MeerkatError {
  if (error.code === 'unauthorized') {
    const what = token === undefined ? 'wants a token' : 'does not accept this token'
    return new MeerkatError('unauthorized', `the server ${url} ${what}: set MEERKAT_TOKEN or give --token`, {
      cause: error,
    })
  }
  const why = systemCode(error)
  if (why === undefined) return error
  const text = `the server ${url} can't be reached (${why}): start it with \`meerkat serve\`, or leave --url and MEERKAT_URL out`
  return new MeerkatError(error.code, text, { cause: error, details: { url } })
}

/** Why the connection could not be made, such as ECONNREFUSED. */
function systemCode(error: Error): string | undefined {
  for (let at: unknown = error.cause; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string' && UNMADE.has(at.code)) return at.code
  }
  return undefined
}

const UNMADE: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN'])
