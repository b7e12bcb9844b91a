/** An executor that answers every input with its own content: it shows what the runtime costs without a model. */
import type { ContentPart } from '../store/records.ts'
import type { ApplyOutput, CoreExecutor, RunPort } from './executor.ts'

/** Makes an executor that repeats its input. */
export function echo(): CoreExecutor {
  return { name: 'echo', apply }
}

async function apply(port: RunPort): Promise<ApplyOutput> {
  const text = port.inputs
    .map(({ content }) => (typeof content === 'string' ? content : content.map(textOf).join('')))
    .join('\n')
  return { type: 'completed', message: { role: 'assistant', content: text } }
}

function textOf(part: ContentPart): string {
  switch (part.type) {
    case 'text':
      return part.text
    case 'json':
      return JSON.stringify(part.value)
    case 'file':
      return `[${part.filename ?? part.mediaType}]`
  }
}
