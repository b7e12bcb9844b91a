/** What a file in an input may contain: one rule for every door. */

/** The longest data of a file: 48 MiB in base64. */
export const MAX_FILE_CHARS: number = 64 * 1024 * 1024
/** `type/subtype`, and parameters. */
export const MEDIA_TYPE: RegExp = /^[\w!#$&^.+-]+\/[\w!#$&^.+*-]+(\s*;.*)?$/

/** Whether a file's data is base64 or a URL. Providers accept nothing else. */
export function isFileData(data: string): boolean {
  return /^(?:data:[^,]*,|https?:\/\/\S+$)/i.test(data) || /^[A-Za-z0-9+/_\-\s]+={0,2}$/.test(data.trimEnd())
}
