/** A report of TLS as mail. RFC 8460 §5.3. */
import type { Reply } from '../../formats/smtp/mod.ts'
import type { Intake } from '../intake/mod.ts'
import { sendNotice } from './send-notice.ts'

export interface TlsReportMail {
  /** The domain that it is about. */
  readonly domain: string
  /** Our name. */
  readonly submitter: string
  readonly organization: string
  readonly sender: string
  readonly to: string
  readonly id: string
  /** `submitter!domain!begin!end.json.gz` */
  readonly fileName: string
  readonly gzip: Buffer
  readonly date: string
}

/** Hands it to intake; answers what that replies. */
export function sendTlsReportMail(report: TlsReportMail, intake: Intake): Promise<Reply> {
  return sendNotice(intake, report.sender, [report.to], () => printTlsReportMail(report))
}

export function printTlsReportMail(report: TlsReportMail): string {
  const { domain, submitter, organization, sender, to, id, fileName, gzip, date } = report
  const boundary = `=_${id.replaceAll(/[^A-Za-z0-9]/g, '').slice(0, 40)}`
  const lines = gzip.toString('base64').match(/.{1,76}/g) ?? []
  const name = organization.replaceAll(/[^\x20-\x7e]|["\\]/g, '')
  return [
    `Date: ${date}`,
    `From: "${name} TLS reports" <${sender}>`,
    `To: <${to}>`,
    `Subject: Report Domain: ${domain} Submitter: ${submitter} Report-ID: <${id}>`,
    `Message-Id: <${id}>`,
    `TLS-Report-Domain: ${domain}`,
    `TLS-Report-Submitter: ${submitter}`,
    'TLS-Required: No', // it may be TLS that it tells of
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type="tlsrpt"; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=us-ascii',
    '',
    `This is a report of TLS sessions with the mail servers of ${domain} (RFC 8460).`,
    '',
    `--${boundary}`,
    'Content-Type: application/tlsrpt+gzip',
    'Content-Transfer-Encoding: base64',
    `Content-Disposition: attachment; filename="${fileName}"`,
    '',
    ...lines,
    `--${boundary}--`,
  ]
    .map((line) => `${line}\r\n`)
    .join('')
}
