import type { CoreExecutor, RunPort } from 'meerkat-ts'

/** An executor that asks a model of your own. */
export function toldExecutor(ask: (messages: ReturnType<RunPort['journal']>) => Promise<string>): CoreExecutor {
  return {
    name: 'told',
    apply: async port => {
      // What was said before, what this run has in hand, and what holds for this request alone.
      const messages = [...(await port.context()), ...port.journal(), ...port.notices()]
      return { type: 'completed', message: { role: 'assistant', content: await ask(messages) } }
    },
  }
}
