/** The slice of the region `ingress`. */
import type { CommsRuntimeId, MobId } from '../../ids.ts'

export type Ingress =
  | { readonly phase: 'unattached' }
  | { readonly phase: 'sessionOwned'; readonly commsRuntimeId: CommsRuntimeId }
  | { readonly phase: 'mobOwned'; readonly commsRuntimeId: CommsRuntimeId; readonly mobId: MobId }
