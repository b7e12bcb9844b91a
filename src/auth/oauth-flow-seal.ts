/**
 * How a login under way is stored where others may read it: under a name from which its id can't be derived, with its
 * secret encrypted by that id. So the store contains neither the OAuth `state` nor the verifier, and any process that
 * gets the `state` back can complete the login.
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import type { OAuthFlowId } from '../kernel/auth/flows/state.ts'

const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** The name of the flow in machines and stores. */
export function flowRefOf(flowId: OAuthFlowId): OAuthFlowId {
  return `fl-${createHash('sha256').update(`meerkat oauth flow ${flowId}`).digest('base64url')}` as OAuthFlowId
}

/** Encrypts the secret: only the flow's id decrypts it, and only together with the same facts. */
export function sealSecret(secret: string, flowId: OAuthFlowId, facts: string): string {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, keyOf(flowId), nonce).setAAD(Buffer.from(facts))
  const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url')
}

/** The secret; undefined where the text or the facts were changed. */
export function unsealSecret(sealed: string, flowId: OAuthFlowId, facts: string): string | undefined {
  const bytes = Buffer.from(sealed, 'base64url')
  const [nonce, rest] = [bytes.subarray(0, NONCE_BYTES), bytes.subarray(NONCE_BYTES)]
  try {
    const decipher = createDecipheriv(CIPHER, keyOf(flowId), nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(Buffer.from(facts)).setAuthTag(rest.subarray(0, TAG_BYTES))
    return decipher.update(rest.subarray(TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
  } catch {
    return undefined
  }
}

function keyOf(flowId: OAuthFlowId): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', flowId, '', 'meerkat oauth flow secret', 32))
}
