/** The name of a flag in `flags`: `maxRunMs` for `--max-run-ms`. */
export function keyOf(name: string): string {
  return name.replace(/^--/, '').replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}
