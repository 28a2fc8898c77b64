/** All targets. */
import type { Target } from '../target.ts'
import { configurationTargets } from './configuration.ts'
import { folderTargets } from './folders.ts'
import { imapTargets } from './imap.ts'
import { messageTargets } from './message.ts'
import { peerTargets } from './peers.ts'
import { policyTargets } from './policies.ts'
import { sessionTargets } from './sessions.ts'
import { smtpTargets } from './smtp.ts'

export const targets: readonly Target[] = [
  ...smtpTargets,
  ...imapTargets,
  ...messageTargets,
  ...configurationTargets,
  ...peerTargets,
  ...folderTargets,
  ...policyTargets,
  ...sessionTargets,
]
