/**
 * Delivery: agents that carry mail on. SMTP and LMTP to other servers, mailboxes here; error, retry and discard.
 * In: a job of the queue. Out: one result for each recipient.
 * On disk: table `drop_journal`, a row a command that may have filed mail which is not yet in the store; `sts_policy`, one a
 * domain whose policy of MTA-STS is known; `tls_result`, one a day, domain and kind of outcome of TLS.
 * Settings: params.ts. Standards: RFC 5321, RFC 2033, RFC 3207, RFC 4954, RFC 3461, RFC 7505.
 */
export { type Agents, type AllAgents, createAgents } from './agents.ts'
export { createLocalAgent, type LocalAgentDeps } from './local/agent.ts'
export { notifyBiff } from './local/biff.ts'
export { deliverySchema, DropJournal } from './local/drops/journal.ts'
export { toWire } from './local/drops/mbox-text.ts'
export { type Held, holdMbox } from './local/hold-mbox.ts'
export type { LocalEvent } from './local/events.ts'
export { createFileTool, type FileTool } from './local/file-tool.ts'
export { forwardPaths } from './local/forward-file.ts'
export { addresseeOf } from './local/addressee.ts'
export { localParams } from './local/params.ts'
export type { ForwardedMail } from './local/ports.ts'
export type { CommandEnd } from './local/outcome.ts'
export { OUTPUT_LIMIT } from './local/outcome.ts'
export { type RunAs, runAsChild, type RunRequest } from './local/run-as.ts'
export { createVirtualAgent } from './local/virtual.ts'
export { Turns } from './local/turns.ts'
export { parsePasswd, type SystemUser, userById } from './local/users.ts'
export { createPipeAgent, type PipeAgentDeps } from './pipe/agent.ts'
export { createSmtpAgent, type SmtpAgent, type SmtpAgentDeps } from './smtp/agent.ts'
export type { ClientEvent } from './smtp/events.ts'
export { stsCache } from './smtp/sts/cache.ts'
export { StsPolicies } from './smtp/sts/policies.ts'
export { type TlsCount, TlsCounts } from './smtp/tls-report/counts.ts'
export type { GenericPort } from './smtp/outgoing.ts'
export { deliveryParams, lmtpParams } from './smtp/params.ts'
export { type StatusFilter, statusFilterParams } from './status-filter.ts'
export { transportFault } from './transport-fault.ts'
