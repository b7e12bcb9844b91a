/** `meerkat chat`: a conversation, line by line. A line typed during a run steers the run. */

import { asMeerkatError } from '../../../errors.ts'
import { textOf } from '../answer.ts'
import { performCommand } from '../chat/commands.ts'
import { Conversation } from '../chat/conversation.ts'
import { Screen } from '../chat/screen.ts'
import { Show } from '../chat/show.ts'
import { connectWorker, withOwner } from '../connection.ts'
import { EXIT, Exit, oneLine } from '../failure.ts'
import { isParked } from '../follow.ts'
import { cancelText, ladder } from '../interrupts.ts'
import type { Shell } from '../shell.ts'
import { targetSession } from '../target-session.ts'
import { toolNames } from '../tools.ts'
import type { EventView } from '../views.ts'

const IDLE_PROMPT = '› '
const STEER_PROMPT = 'steer › '

export async function chat(shell: Shell): Promise<void> {
  const settings = await shell.settings()
  const opened = await connectWorker(shell)
  const wanted = { sessionId: shell.flag('session'), tools: toolNames(shell) }
  const { value: target, connection } = await withOwner(shell, opened, ({ ask }) =>
    targetSession(ask, settings, wanted),
  )
  await new Chat(shell, talk => new Conversation(shell, connection, target, talk)).run()
}

class Chat {
  readonly #shell: Shell
  readonly #screen: Screen
  readonly #show: Show
  readonly #conversation: Conversation
  readonly #ended = Promise.withResolvers<void>()
  readonly #ladder = ladder({ atBoundary: () => this.#cancel('boundary'), now: () => this.#cancel('now') })
  /** Lines are performed one after the other. */
  #work: Promise<void> = Promise.resolve()
  /** Steers whose receipt has not come yet. */
  readonly #steers = new Set<string>()
  #failed = false
  #leaving = false

  constructor(shell: Shell, open: (events: ConstructorParameters<typeof Conversation>[3]) => Conversation) {
    this.#shell = shell
    this.#screen = new Screen(shell.output, {
      onLine: line => this.#enqueue(line),
      onInterrupt: () => this.#interrupt(),
      onEnd: () => this.#leave(),
    })
    this.#show = new Show(this.#screen)
    this.#conversation = open({
      onEvent: event => this.#onEvent(event),
      onEnded: input => {
        if (input.result?.outcome !== 'completed') this.#failed = true
        this.#show.ended(input)
        this.#showPrompt()
      },
      onLost: error => this.#ended.reject(error),
    })
  }

  async run(): Promise<void> {
    if (!this.#screen.interactive) this.#shell.worksUnread()
    const release = this.#shell.onInterrupt(() => this.#interrupt())
    try {
      await this.#conversation.begin()
      this.#screen.note(`session ${this.#conversation.sessionId} · /help lists the commands`)
      this.#showPrompt()
      await this.#ended.promise
      await this.#work
    } finally {
      release()
      this.#leaving = true
      this.#screen.close()
      await this.#conversation.close()
    }
    this.#screen.note(`go on with: meerkat chat --session ${this.#conversation.sessionId}`)
    if (this.#failed && !this.#screen.interactive) throw new Exit(EXIT.failed)
  }

  #enqueue(line: string): void {
    this.#work = this.#work.then(() => this.#perform(line)).catch((error: unknown) => this.#complain(error))
  }

  async #perform(line: string): Promise<void> {
    if (this.#leaving) return
    if (line.startsWith('/')) {
      const quit = (): void => this.#leave()
      await performCommand({ shell: this.#shell, screen: this.#screen, conversation: this.#conversation, quit }, line)
    } else if (line.trim() !== '') await this.#say(line)
    this.#showPrompt()
  }

  async #say(line: string): Promise<void> {
    const steers = this.#conversation.busy
    const { id } = await this.#conversation.send(line, steers ? 'steer' : 'queue')
    if (steers) {
      this.#steers.add(id)
      const isParkedWork = await isParked(this.#conversation.connection.ask, this.#conversation.sessionId)
      const joins = isParkedWork ? 'the work that waits for a decision' : 'the run at its next boundary'
      this.#screen.note(`↳ accepted: joins ${joins}`)
    }
    this.#ladder.reset()
  }

  #onEvent(event: EventView): void {
    const { type, inputId = '' } = event
    const isReceipt = (type === 'input.steered' || type === 'input.staged') && this.#steers.delete(inputId)
    if (!isReceipt) this.#show.see(event)
    else if (type === 'input.steered') this.#screen.line(`↳ joined the run at boundary ${textOf(event, 'boundary')}`)
    else this.#screen.line('↳ the run ended before it could join: it has a turn of its own')
  }

  /** Shows the prompt for the present state. */
  #showPrompt(): void {
    if (this.#leaving) return
    if (this.#conversation.busy) this.#screen.quiet(STEER_PROMPT)
    else {
      this.#ladder.reset()
      this.#screen.ask(IDLE_PROMPT)
    }
  }

  #complain(error: unknown): void {
    const failure = asMeerkatError(error)
    if (!this.#screen.interactive) {
      this.#failed = true
      process.stderr.write(`meerkat: ${oneLine(failure.message)}\n`)
    } else this.#screen.line(oneLine(failure.message))
    this.#showPrompt()
  }

  #interrupt(): void {
    if (this.#screen.clearLine()) return
    if (this.#conversation.busy) this.#ladder.press()
    else this.#leave()
  }

  #cancel(when: 'boundary' | 'now'): void {
    const next = when === 'now' ? 'leaves' : 'cancels now'
    void this.#conversation
      .cancel(when)
      .then(answer => {
        const again = answer.runId === undefined ? '' : `; Ctrl-C again ${next}`
        this.#screen.line(`${cancelText(answer, when)}${again}`)
      })
      .catch((error: unknown) => this.#complain(error))
  }

  /** At a terminal, leaves at once; a script that ends its input gets the answers to it first. */
  #leave(): void {
    if (this.#leaving) return
    if (this.#screen.interactive) {
      this.#leaving = true
      this.#ended.resolve()
      return
    }
    void this.#work.then(() => this.#conversation.idle()).then(() => this.#ended.resolve())
  }
}
