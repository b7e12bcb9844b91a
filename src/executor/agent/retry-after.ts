/** Reads how long a provider asks to wait, in all the forms that are in use. */

/** From `retry-after-ms`, or from `retry-after` in seconds, with a unit, or as a date. */
export function retryAfterMs(headers: Readonly<Record<string, string>>, nowMs: number): number | undefined {
  const ms = amount(headers['retry-after-ms'], 1)
  if (ms !== undefined) return ms
  const after = headers['retry-after']
  if (after === undefined) return undefined
  return amount(after, 1000) ?? untilDate(after, nowMs)
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  sec: 1000,
  seconds: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
}

/** The longest of the amounts in a header, because a proxy adds its own to the provider's. */
function amount(text: string | undefined, unitMs: number): number | undefined {
  const amounts = (text ?? '').split(',').map(one => {
    const [, count = '', unit = ''] = /^\s*\+?(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)\s*$/i.exec(one) ?? []
    const factor = unit === '' ? unitMs : UNITS[unit.toLowerCase()]
    return count === '' || factor === undefined ? Number.NaN : Number(count) * factor
  })
  return amounts.every(one => Number.isFinite(one)) ? Math.ceil(Math.max(...amounts)) : undefined
}

function untilDate(text: string, nowMs: number): number | undefined {
  // The oldest of the three date formats of HTTP has no zone: it means GMT.
  const at = Date.parse(/\b\d\d:\d\d:\d\d \d{4}\s*$/.test(text) ? `${text} GMT` : text)
  // `Date.parse` also accepts numbers, such as -1.
  return Number.isNaN(at) || !/[a-z]|\d-\d/i.test(text) ? undefined : Math.max(0, at - nowMs)
}
