/** Shows a person how far long work is: at a terminal, after a second, and removed when the work is done. */
import { duration, type Output } from './output.ts'

/** Shorter work shows nothing. */
const FROM_MS = 1_000
const EVERY_MS = 250

/** Shows what is being done while `work` lasts; `detail` says how far it is, where that is known. */
export async function ticking<T>(
  output: Pick<Output, 'status'>,
  { what, detail = () => undefined }: { readonly what: string; readonly detail?: () => string | undefined },
  work: Promise<T>,
): Promise<T> {
  const began = performance.now()
  const timer = setInterval(() => {
    const ms = performance.now() - began
    if (ms < FROM_MS) return
    const far = detail()
    output.status(`${what}${far === undefined ? '' : `, ${far}`} (${duration(ms)}; Ctrl-C gives it up)`)
  }, EVERY_MS)
  try {
    return await work
  } finally {
    clearInterval(timer)
    output.status(undefined)
  }
}

/** `1,234 records`. */
export function countText(number: number, what: string): string {
  return `${number.toLocaleString('en')} ${what}`
}
