/** The inputs that the region `ingress` decides on. */
import type { CommsRuntimeId, MobId } from '../../ids.ts'

export type IngressInput =
  | { readonly type: 'AttachSessionIngress'; readonly commsRuntimeId: CommsRuntimeId }
  | { readonly type: 'AttachMobIngress'; readonly commsRuntimeId: CommsRuntimeId; readonly mobId: MobId }
  | { readonly type: 'DetachIngress' }
