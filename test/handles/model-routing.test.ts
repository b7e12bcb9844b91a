/** Which model is asked, as the switch tool, the image executor and the loop see it. */
import { describe, expect, test } from 'vitest'
import { HandleDslAuthority } from '../../src/handles/dsl-authority.ts'
import { ModelRoutingHandle } from '../../src/handles/model-routing.ts'
import type { ImageObservation } from '../../src/kernel/regions/routing/input.ts'
import type { ModelTarget } from '../../src/kernel/regions/routing/state.ts'
import { guardRejected, noTransition, SESSION, written } from './support.ts'

const BASE: ModelTarget = { model: 'base', realtime: false }
const FAST: ModelTarget = { model: 'fast', realtime: false }
const PAINTER: ModelTarget = { model: 'painter', realtime: false }

async function routed(): Promise<ModelRoutingHandle> {
  const handle = new ModelRoutingHandle(HandleDslAuthority.ephemeral(SESSION))
  await handle.setBaseline(BASE)
  return handle
}
async function painting(requiresScopedOverride: boolean): Promise<ModelRoutingHandle> {
  const handle = await routed()
  const request = { operationId: 'i', target: PAINTER, requiresScopedOverride }
  expect(await handle.beginImageOperation(request)).toBeUndefined()
  if (requiresScopedOverride) await handle.activateImageOperationOverride('i', PAINTER)
  return handle
}
const asked = (handle: ModelRoutingHandle): string | undefined => handle.status().effective?.model

describe('the baseline', () => {
  test('is the model that is asked; the same one again changes nothing', async () => {
    const handle = new ModelRoutingHandle(HandleDslAuthority.ephemeral(SESSION))
    expect(handle.status()).toMatchObject({ epoch: 0, source: 'baseline', images: [], recent: [] })
    expect(asked(handle)).toBeUndefined()
    await handle.setBaseline(BASE)
    await handle.setBaseline(BASE)
    expect(handle.status()).toMatchObject({ epoch: 1, effective: BASE, baseline: BASE })
  })

  test('has to be known before anything is switched', async () => {
    const handle = new ModelRoutingHandle(HandleDslAuthority.ephemeral(SESSION))
    const request = { requestId: 's', target: FAST }
    await expect(handle.requestFiniteSwitchTurn({ ...request, turns: 1 })).rejects.toMatchObject(guardRejected)
    await expect(handle.requestUntilChangedSwitchTurn(request)).rejects.toMatchObject(guardRejected)
  })
})

describe('a switch for some turns', () => {
  test('begins with the next turn, is counted and ends', async () => {
    const handle = await routed()
    expect(await handle.admitAssistantTurn()).toBe(false)
    expect(await handle.requestFiniteSwitchTurn({ requestId: 's', target: FAST, turns: 2 })).toBeUndefined()
    expect(asked(handle)).toBe('base')
    const models: (string | undefined)[] = []
    while (await handle.admitAssistantTurn()) models.push(asked(handle))
    expect(models).toEqual(['fast', 'fast', 'base'])
    expect(handle.status().recent).toEqual([{ type: 'switch', id: 's', terminal: 'consumedAndRestored' }])
  })

  test('is denied beside another one, and the answer says why', async () => {
    const handle = await routed()
    await handle.requestFiniteSwitchTurn({ requestId: 's', target: FAST, turns: 1 })
    const next = { target: PAINTER, turns: 1 }
    expect(await handle.requestFiniteSwitchTurn({ requestId: 't', ...next })).toBe('scopedOverrideConflict')
    expect(handle.status().pending).toMatchObject({ requestId: 's' })
    await expect(handle.requestFiniteSwitchTurn({ requestId: 't', ...next })).rejects.toMatchObject(guardRejected)
  })

  test.for([
    ['approvalRequiredButUnavailable', { approval: { type: 'unavailable' } }],
    ['deniedDuringApproval', { approval: { type: 'denied', reason: 'too dear' } }],
    ['realtimeTransportConflict', { realtimeTransport: 'required' }],
  ] as const)('is denied with %s', async ([denial, given]) => {
    const handle = await routed()
    expect(await handle.requestFiniteSwitchTurn({ requestId: 's', target: FAST, turns: 1, ...given })).toBe(denial)
    expect(await handle.requestUntilChangedSwitchTurn({ requestId: 't', target: FAST, ...given })).toBe(denial)
    const image = { operationId: 'i', target: FAST, requiresScopedOverride: false, ...given }
    expect(await handle.beginImageOperation(image)).toBe(denial)
    expect(handle.status()).toMatchObject({ effective: BASE, images: [] })
  })
})

describe('a switch that lasts', () => {
  test('takes the place of one that waits, and is asked once the session is changed over', async () => {
    const handle = await routed()
    await handle.requestFiniteSwitchTurn({ requestId: 's', target: PAINTER, turns: 1 })
    expect(await handle.requestUntilChangedSwitchTurn({ requestId: 't', target: FAST })).toBeUndefined()
    expect(asked(handle)).toBe('base')
    await expect(handle.completeUntilChangedSwitchTurnReconfigure('s')).rejects.toMatchObject(guardRejected)
    await handle.completeUntilChangedSwitchTurnReconfigure('t')
    expect(handle.status()).toMatchObject({ effective: FAST, baseline: FAST })
    expect(handle.status().recent.map(({ id, terminal }) => [id, terminal])).toEqual([
      ['s', 'denied'],
      ['t', 'persistentReconfigureApplied'],
    ])
  })
})

describe('an image operation', () => {
  test('has its model asked until it is restored, once', async () => {
    const handle = await painting(true)
    expect(handle.status()).toMatchObject({ effective: PAINTER, source: 'image' })
    const seen = { operationId: 'i', observation: { type: 'generated' }, providerText: 'discard' } as const
    expect(await handle.classifyImageOperationTerminal(seen)).toEqual({
      terminal: 'generated',
      providerText: 'discard',
    })
    await expect(handle.completeImageOperation({ operationId: 'i', terminal: 'failed' })).rejects.toMatchObject(
      guardRejected,
    )
    await handle.completeImageOperation({ operationId: 'i', terminal: 'generated', payload: 'blob' })
    expect(handle.status()).toMatchObject({ effective: PAINTER, images: [{ phase: 'restoringScopedOverride' }] })
    expect(await handle.restoreImageOperationOverride('i')).toBe(true)
    expect(await handle.restoreImageOperationOverride('i')).toBe(false)
    expect(handle.status()).toMatchObject({ effective: BASE, images: [] })
    expect(handle.status().recent).toEqual([{ type: 'image', id: 'i', terminal: 'generated', payload: 'blob' }])
  })

  test('that needs no model of its own is over when it is completed', async () => {
    const handle = await painting(false)
    const seen = { operationId: 'i', observation: { type: 'emptyResult' }, providerText: 'keep' } as const
    await handle.classifyImageOperationTerminal(seen)
    await handle.completeImageOperation({ operationId: 'i', terminal: 'emptyResult' })
    expect(handle.status()).toMatchObject({ effective: BASE, images: [] })
  })

  test('goes before a switch, and no second one has its model asked beside it', async () => {
    const handle = await routed()
    await handle.requestFiniteSwitchTurn({ requestId: 's', target: FAST, turns: 2 })
    await handle.admitAssistantTurn()
    await handle.beginImageOperation({ operationId: 'i', target: PAINTER, requiresScopedOverride: true })
    await handle.activateImageOperationOverride('i', PAINTER)
    expect(asked(handle)).toBe('painter')
    const another = { operationId: 'j', target: PAINTER, requiresScopedOverride: true }
    expect(await handle.beginImageOperation(another)).toBe('scopedOverrideConflict')
    await handle.restoreImageOperationOverride('i')
    expect(asked(handle)).toBe('fast')
  })

  test.for<[ImageObservation, string]>([
    [{ type: 'providerHttpError', httpStatus: 504 }, 'timeout'],
    [{ type: 'providerHttpError', httpStatus: 499 }, 'cancelled'],
    [{ type: 'providerHttpError', httpStatus: 400, code: 'geminiSafety' }, 'safetyFiltered'],
    [{ type: 'providerNativeError', code: 'openAiModelRefusal' }, 'refusedByProvider'],
    [{ type: 'blobCommitFailed' }, 'failed'],
  ])('that was seen as %o ended %s', async ([observation, terminal]) => {
    const handle = await painting(false)
    const seen = { operationId: 'i', observation, providerText: 'keep' } as const
    expect(await handle.classifyImageOperationTerminal(seen)).toMatchObject({ terminal })
  })

  test('that can not be planned is remembered with why', async () => {
    const handle = await routed()
    await handle.denyImageOperationPlan({ operationId: 'i', denial: 'unsupportedByModel', payload: 'no images' })
    expect(handle.status().recent).toEqual([
      { type: 'image', id: 'i', terminal: 'planDenied', denial: 'unsupportedByModel', payload: 'no images' },
    ])
    const planned = painting(false).then(other => other.denyImageOperationPlan({ operationId: 'i', denial: 'policy' }))
    await expect(planned).rejects.toMatchObject(guardRejected)
  })
})

test('nothing is said through a closed gate, and the status can still be read', async () => {
  const { authority, gate } = await written()
  const handle = new ModelRoutingHandle(authority)
  await handle.setBaseline(BASE)
  gate.close()
  await expect(handle.setBaseline(FAST)).rejects.toMatchObject(noTransition)
  await expect(handle.admitAssistantTurn()).rejects.toMatchObject(noTransition)
  expect(asked(handle)).toBe('base')
})
