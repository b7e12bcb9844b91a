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

export function unbracketed(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}

/** Whether it is a name or an address as requests write it, without a port; an IPv6 one with brackets or without. */
export function isHost(text: string): boolean {
  const bare = unbracketed(text).toLowerCase()
  return bare.length <= 253 && (hostName(bare) === bare || hostName(`[${bare}]`) === bare)
}

/** Whether a browser writes an origin like this. */
export function isOrigin(text: string): boolean {
  const url = URL.parse(text)
  if (url === null) return false
  // Those of extensions and the like are none to the URL standard; browsers write them all the same.
  return url.origin === 'null' ? /^[a-z][a-z\d+.-]*:\/\/[\w.-]+$/.test(text) : url.origin === text
}
