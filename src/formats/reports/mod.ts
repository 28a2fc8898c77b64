/**
 * Reports that mail servers send one another, as texts: of TLS.
 * In: what was counted. Out: the JSON of a report; and what a domain asks for.
 * Standards: RFC 8460.
 */
export {
  type FailureDetail,
  type FailureType,
  FAILURE_TYPES,
  isFailureType,
  printTlsReport,
  type ReportedPolicy,
  readReportAddresses,
  type TlsReport,
} from './tls-report.ts'
