/**
 * Notices: reports to senders about their mail (Postfix: bounce), and to domains about TLS.
 * In: recipients whose story has ended, or who wait for long. Out: a message through intake, whose record completes them.
 * Settings: params.ts. Standards: RFC 3461, RFC 3464, RFC 6522, RFC 6533; texts as bounce(5) has them.
 */
export { createNotices, loadTemplates, type NoticeDeps, type NoticeEvent } from './notices.ts'
export { noticesParams } from './params.ts'
export { expandTemplate, printTemplate, TEMPLATES } from './templates.ts'
export { tellOfSending } from './sending-notice.ts'
export { sendTlsReportMail, type TlsReportMail } from './tls-report-mail.ts'
export { tellOfSession, tellsOfSessions, type Transcript, type TranscriptDeps } from './transcripts.ts'
