/** Host names: which are reachable from this machine only, and which one a request names. Pure. */

/** Whether an address is reachable from this machine only. An unknown name counts as reachable from others. */
export function isLoopback(host: string): boolean {
  const bare = unbracketed(host).toLowerCase()
  return bare === 'localhost' || bare === '::1' || /^127(\.\d{1,3}){3}$/.test(bare)
}

/** Whether an address means every interface: then the server's names are unknown. */
export function isWildcard(host: string): boolean {
  return ['0.0.0.0', '::', ''].includes(unbracketed(host))
}

/** The host of an address as it stands in a URL. */
export function inUrl(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}

/** The name in a `Host` header or an authority, without its port; undefined where there is none. */
export function hostName(authority: string | undefined): string | undefined {
  if (authority === undefined || !/^[\w.:[\]-]+$/.test(authority)) return undefined
  const url = URL.parse(`http://${authority}`)
  return url === null ? undefined : unbracketed(url.hostname)
}

export function unbracketed(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}

/** Whether it is a name or an address as requests write it, without a port; IPv6 with or without brackets. */
export function isHost(text: string): boolean {
  const bare = unbracketed(text).toLowerCase()
  return bare.length <= 253 && (hostName(bare) === bare || hostName(`[${bare}]`) === bare)
}

/** Whether it is an origin as a browser writes it. */
export function isOrigin(text: string): boolean {
  const url = URL.parse(text)
  if (url === null) return false
  // To the URL standard, extensions and the like have no origin; browsers write one all the same.
  return url.origin === 'null' ? /^[a-z][a-z\d+.-]*:\/\/[\w.-]+$/.test(text) : url.origin === text
}
