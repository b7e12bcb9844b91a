import type { MeerkatInput } from '../inputs.ts'
import {
  accept,
  attached,
  initialized,
  interruption,
  placements,
  registered,
  registrations,
  rollbacks,
  runEnds,
  service,
  serving,
  shortTurn,
  teardown,
} from './alphabet.ts'
import {
  baseline,
  catalogs,
  commitments,
  failingTurn,
  fallbacks,
  hydrations,
  imageRefusals,
  imagesOf,
  imageTools,
  namedTurns,
  otherCatalogs,
  overlays,
  reconfigurations,
  requests,
  stagings,
  switchesOf,
} from './alphabet-models.ts'
import { always, type Configuration } from './configuration.ts'

/** Inputs that take a session through its phases, with a run that is interrupted. */
const phases: readonly MeerkatInput[] = [
  { type: 'Retire' },
  { type: 'StopRuntimeExecutor', reason: 'asked' },
  { type: 'RuntimeExecutorExited' },
  { type: 'Resume' },
  ...service,
  accept('a'),
  interruption,
]

const visibility: Configuration = {
  name: 'visibility',
  about:
    'Everything that can happen to what a session shows, once, in each of its phases. Once is enough: phases only say whether it may happen.',
  prefix: [...registered, ...catalogs],
  inputs: ({ visibility: { newest } }) => (newest < 1 ? shown : shownWithout),
}
const shownWithout: readonly MeerkatInput[] = [
  ...phases,
  ...catalogs,
  ...commitments(1),
  ...overlays.slice(1),
  { type: 'SyncVisibilityRevisions', activeRevision: 0, stagedRevision: 0 },
]
const shown: readonly MeerkatInput[] = [...shownWithout, ...stagings]

const visibleSets = (quick: boolean): Configuration => ({
  name: 'visible-sets',
  about:
    'Filters and requests staged and committed in every order, with what is inherited, what a turn shows, catalogues that change hands and models that see images or not, up to a few revisions. In one phase: the others are in `visibility`.',
  prefix: [...registered, ...catalogs],
  inputs: ({ visibility: { newest } }) => (newest < (quick ? 2 : 3) ? staged : committed),
})
const committed: readonly MeerkatInput[] = [
  ...serving.slice(0, 1),
  { type: 'Recover' },
  ...commitments(4),
  ...overlays.slice(0, 1),
  ...overlays.slice(2),
  ...catalogs,
  ...otherCatalogs,
]
const staged: readonly MeerkatInput[] = [...committed, ...stagings, ...hydrations.slice(0, 2)]

const turnOverlays: Configuration = {
  name: 'overlays',
  about: 'What one turn shows, while runs end in every way and their process goes: a run reads nothing else of it.',
  prefix: [...attached, ...catalogs],
  inputs: always([
    ...overlays,
    accept('a'),
    ...service,
    ...shortTurn,
    ...runEnds,
    ...rollbacks,
    { type: 'RuntimeExecutorExited' },
    { type: 'Resume' },
    { type: 'Reset' },
    { type: 'Retire' },
  ]),
}

const llm: Configuration = {
  name: 'llm',
  about:
    'A model said, changed from each to each, cleared, and requests to another one, in every phase of a session with a placement and without. Three models: one that sees images, one that does not, and one of which nothing is known.',
  prefix: [...registered, ...imageTools],
  inputs: ({ visibility: { newest } }) => (newest < 2 ? modelled : placed),
}
const placed: readonly MeerkatInput[] = [...phases, ...placements.slice(0, 1), ...requests.slice(1)]
const modelled: readonly MeerkatInput[] = [...placed, ...requests.slice(0, 1), ...hydrations, ...reconfigurations]

const served: readonly MeerkatInput[] = [...registered, ...placements.slice(0, 1), ...serving.slice(0, 1)]

const fallback: Configuration = {
  name: 'fallback',
  about:
    'A run whose model fails and is replaced by another that stays, from each model and from none, while the session shows all of its tools or has more staged, and asks the baseline or another model. What follows the model is its baseline and its tools; nothing else is here.',
  prefix: [...served, ...catalogs],
  inputs: ({ visibility: { newest } }) => (newest < 2 ? failingStaged : failing),
}
const failing: readonly MeerkatInput[] = [
  accept('a'),
  ...serving,
  ...failingTurn,
  ...runEnds.slice(0, 1),
  interruption,
  ...baseline,
  ...commitments(2),
]
const failingStaged: readonly MeerkatInput[] = [...failing, ...stagings.slice(0, 1), ...hydrations, ...fallbacks]

const switching: Configuration = {
  name: 'switches',
  about:
    'Two switches, for a turn, for two or for good, granted and refused for every reason, in every phase, while runs and processes come and go. Two: one that is in the way of the other, or takes its place.',
  prefix: [...registered, ...baseline],
  inputs: always([...phases, ...baseline, ...switchesOf('p'), ...switchesOf('q').slice(0, 6)]),
}

const turns: Configuration = {
  name: 'named-turns',
  about: 'A switch for two turns, one of which is admitted again and again, in every phase.',
  prefix: [...registered, ...baseline],
  inputs: always([...phases, ...namedTurns]),
}

const images: Configuration = {
  name: 'images',
  about:
    'An image operation with a model of its own beside one without, and a switch that it is in the way of, while runs and processes come and go. Only one has its model asked, so two are enough.',
  prefix: [...registered, ...baseline],
  inputs: always([
    ...service,
    accept('a'),
    interruption,
    { type: 'RuntimeExecutorExited' },
    { type: 'Resume' },
    ...imagesOf('i', true),
    ...imagesOf('j', false),
    ...imageRefusals('j'),
    ...switchesOf('p').slice(0, 1),
  ]),
}

const ownersOfModels: Configuration = {
  name: 'models',
  about:
    'What becomes of a model, a filter, a switch and an image operation when their session is torn down, destroyed or registered under another id. One of each: all of them go together.',
  prefix: initialized,
  inputs: always([
    ...registrations.slice(0, 1),
    ...registrations.slice(2, 3),
    ...teardown,
    ...serving.slice(0, 1),
    { type: 'Recover' },
    { type: 'Retire' },
    { type: 'StopRuntimeExecutor', reason: 'asked' },
    { type: 'RuntimeExecutorExited' },
    { type: 'Resume' },
    { type: 'Destroy' },
    ...catalogs.slice(0, 1),
    ...hydrations.slice(1, 2),
    ...baseline,
    ...switchesOf('p').slice(0, 1),
    ...imagesOf('i', false).slice(0, 1),
  ]),
}

/** All of them. */
export function modelConfigurations(quick: boolean): readonly Configuration[] {
  return [visibility, visibleSets(quick), turnOverlays, llm, fallback, switching, turns, images, ownersOfModels]
}
