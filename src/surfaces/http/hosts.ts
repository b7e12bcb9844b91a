/** Names of hosts: what is this machine only, and what a request says it came for and shows. Pure. */

/** Whether only this machine reaches an address. A name that we don't know counts as reachable. */
export function isLoopback(host: string): boolean {
  const bare = unbracketed(host).toLowerCase()
  return bare === 'localhost' || bare === '::1' || /^127(\.\d{1,3}){3}$/.test(bare)
}

/** Whether an address means every interface, so that no name of ours follows from it. */
export function isWildcard(host: string): boolean {
  return ['0.0.0.0', '::', ''].includes(unbracketed(host))
}

/** The host of an address as it stands in a URL. */
export function inUrl(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}

/** The name in a `Host` header or an authority, without its port; undefined where it is none. */
export function hostName(authority: string | undefined): string | undefined {
  if (authority === undefined || !/^[\w.:[\]-]+$/.test(authority)) return undefined
  const url = URL.parse(`http://${authority}`)
  return url === null ? undefined : unbracketed(url.hostname)
}

/** Whether it can stand in a header as it is. */
export function isToken(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text)
}

export function unbracketed(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}
