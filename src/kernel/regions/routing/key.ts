/** The slice's part of the explorer's key. It leaves out epochs, and of recent ends everything except the used ids. */
import { imagesOf, type Routing } from './state.ts'

export function routingInWords(routing: Routing): string {
  const { epoch: _, images, recent, ...rest } = routing
  const ended = recent.map(({ type, id }) => `${type} ${id}`).toSorted()
  return `routing ${images.size} ${JSON.stringify([rest, imagesOf(routing), ended])}`
}
