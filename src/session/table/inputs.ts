/** Rows for inputs: the one door for everything that a session is to answer. */
import { defined } from '../../defined.ts'
import type { InputId, SessionId } from '../../kernel/ids.ts'
import { parkedWork } from '../../kernel/owed.ts'
import { entryOf } from '../../kernel/regions/ledger/state.ts'
import { demandDurations } from '../../time.ts'
import { offerInput } from '../admission.ts'
import type { SendParams } from '../api.ts'
import { sayCancelled } from '../control.ts'
import type { Core } from '../core.ts'
import { fieldsOf } from '../door.ts'
import { inputView } from '../input-reader.ts'
import { statusOf } from '../inputs.ts'
import { listInputs } from '../list-inputs.ts'
import type { Ended, LiveSession } from '../live-session.ts'
import { count, flag, form, name, oneOf, session, text, waitMs } from '../plain.ts'
import { summaryOf } from '../reads.ts'
import { readyToSend } from '../sending.ts'
import type { InputStatus, SendAnswer } from '../views.ts'
import { endOf, inputOf } from '../waiting.ts'
import type { Letter, Owner, Reader } from './row.ts'

type Sent = Omit<SendParams, 'waitMs'> & { readonly inputId: InputId }

const send = {
  needs: 'owner',
  plain: form(
    { ...session, content: text },
    { mode: oneOf('queue', 'steer'), idempotencyKey: name, model: name, maxRunMs: count, waitMs, resume: flag },
  ),
  ready: ({ observer }, params) => readyToSend(fieldsOf(params), observer),
  letter: 'send',
  task({ ids }, { sessionId: _, waitMs: __, ...said }) {
    demandDurations({ maxRunMs: said.maxRunMs })
    return { ...said, inputId: ids.input() }
  },
  run: admitted,
  async again(core, sessionId, { inputId }) {
    const { status, result } = await viewOf(core, sessionId, inputId)
    return { outcome: 'accepted', inputId, status, cursor: await acceptedAfter(core, inputId), ...defined({ result }) }
  },
  async answer(core, sent, { sessionId, waitMs: watchMs = 0 }, { signal }) {
    return watchMs === 0 ? sent : { ...sent, ...(await endOf(core, sessionId, sent.inputId, watchMs, { signal })) }
  },
} satisfies Owner<'input/send', Sent, SendAnswer>

async function admitted(core: Core, live: LiveSession, asked: Sent, letter: Letter): Promise<SendAnswer> {
  const { inputId, ...params } = asked
  let ended: Ended | undefined
  const off = live.onEnded(inputId, one => {
    ended = one
  })
  const { after, ...verdict } = await offerInput(core, live, { inputId, params }, { letter }).finally(off)
  if (verdict.outcome === 'deduplicated') {
    const { status, result } = await viewOf(core, live.id, verdict.inputId)
    const cursor = await acceptedAfter(core, verdict.inputId)
    return { ...verdict, status, ...(result && { result }), cursor }
  }
  const status: InputStatus = ended?.status ?? statusOf(entryOf(live.state.ledger, inputId))
  return { ...verdict, status, cursor: String(after), ...(ended?.result && { result: ended.result }) }
}

/** The cursor behind which every event about an input stands. */
async function acceptedAfter(core: Core, inputId: InputId): Promise<string> {
  const place = await core.store.locate(inputId)
  return String((place?.first ?? 1) - 1)
}

const viewOf = (core: Core, sessionId: string, inputId: string): ReturnType<typeof inputView> =>
  inputView(core.store, sessionId as SessionId, inputId, () => core.state(sessionId))

const withdraw = {
  needs: 'owner',
  letter: 'withdraw',
  task: async (core, { sessionId, inputId }) => ({ inputId: (await inputOf(core, sessionId, { inputId })).id }),
  run: (_, live, { inputId }, letter) =>
    live.driver.mutate(tx => {
      tx.performs(letter)
      if (parkedWork(tx.state).includes(inputId)) sayCancelled(tx, live, inputId)
      return tx.try({ type: 'WithdrawInput', inputId }).ok
    }),
  again: async (core, sessionId, { inputId }) => (await viewOf(core, sessionId, inputId)).status === 'withdrawn',
  answer: async (core, withdrawn, { sessionId, inputId }) => ({
    withdrawn,
    input: await inputOf(core, sessionId, { inputId }),
  }),
} satisfies Owner<'input/withdraw', { readonly inputId: InputId }, boolean>

export const inputRows = {
  'input/send': send,
  'input/get': {
    needs: 'reader',
    plain: form({ ...session, inputId: name }),
    run: async (core, { sessionId, ...by }) => ({ input: await inputOf(core, sessionId, by) }),
  } satisfies Reader<'input/get'>,
  'input/list': {
    needs: 'reader',
    async run(core, { sessionId, ...page }) {
      const { id } = await summaryOf(core.store, sessionId)
      const { items: inputs, ...next } = await listInputs(core.store, id, page, await core.state(sessionId))
      return { inputs, ...next }
    },
  } satisfies Reader<'input/list'>,
  'input/withdraw': withdraw,
  'input/wait': {
    needs: 'reader',
    plain: form({ ...session, inputId: name, waitMs }),
    run: (core, asked, { signal }) => endOf(core, asked.sessionId, asked.inputId, asked.waitMs, { signal }),
  } satisfies Reader<'input/wait'>,
}
