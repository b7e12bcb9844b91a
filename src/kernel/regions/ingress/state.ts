/** What the region `ingress` holds. */
import type { CommsRuntimeId, MobId } from '../../ids.ts'

export type Ingress =
  | { readonly phase: 'unattached' }
  | { readonly phase: 'sessionOwned'; readonly commsRuntimeId: CommsRuntimeId }
  | { readonly phase: 'mobOwned'; readonly commsRuntimeId: CommsRuntimeId; readonly mobId: MobId }
