import type { ScriptedModel } from '../../support/scripted-model.ts'

/** Texts of what the model was sent in the place of a user, request by request; the parts of a message on one line. */
export function textsSentTo({ asked }: ScriptedModel): readonly (readonly string[])[] {
  return asked.map(({ prompt }) =>
    prompt.flatMap(one =>
      one.role === 'user'
        ? [one.content.map(part => (part.type === 'text' ? part.text : part.mediaType)).join('|')]
        : [],
    ),
  )
}
