/** What of the slice the explorer tells apart. Left out: epochs, which no guard counts, and how something ended; only which names are used up. */
import { imagesOf, type Routing } from './state.ts'

export function routingInWords(routing: Routing): string {
  const { epoch: _, images, recent, ...rest } = routing
  const ended = recent.map(({ type, id }) => `${type} ${id}`).toSorted()
  return `routing ${images.size} ${JSON.stringify([rest, imagesOf(routing), ended])}`
}
