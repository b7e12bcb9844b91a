/** What a file in an input may be: one rule for every door. */

/** Most characters of a file's data that a door takes: 48 MiB in base64. */
export const MAX_FILE_CHARS: number = 64 * 1024 * 1024
/** `type/subtype`, and parameters. */
export const MEDIA_TYPE: RegExp = /^[\w!#$&^.+-]+\/[\w!#$&^.+*-]+(\s*;.*)?$/

/** Whether it is what a file's data may be: base64, or the address of some. Anything else no provider can take. */
export function isFileData(data: string): boolean {
  return /^(?:data:[^,]*,|https?:\/\/\S+$)/i.test(data) || /^[A-Za-z0-9+/_\-\s]+={0,2}$/.test(data.trimEnd())
}
