import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printTlsReport, readReportAddresses } from './tls-report.ts'

test('where a domain wants reports', () => {
  const table: readonly (readonly [readonly string[], readonly string[]])[] = [
    [['v=TLSRPTv1; rua=mailto:reports@example.com'], ['mailto:reports@example.com']],
    [
      ['v=TLSRPTv1;rua=https://r.example.com/v1/tlsrpt , mailto:a@b.test;x=y'],
      ['https://r.example.com/v1/tlsrpt', 'mailto:a@b.test'],
    ],
    [['other', 'v=TLSRPTv1; rua=mailto:a@b.test'], ['mailto:a@b.test']],
    [['v=TLSRPTv1; rua=mailto:a@b.test', 'v=TLSRPTv1; rua=mailto:c@d.test'], []],
    [['v=TLSRPTv2; rua=mailto:a@b.test'], []],
    [['v=TLSRPTv1'], []],
    [['v=TLSRPTv1; rua=http://a.test/, ftp://a.test, mailto:nobody, mailto:a@b.test?cc=c@d.test'], []],
    [['v=TLSRPTv1; rua=https://a.test:8443/, https://user:word@a.test/'], []],
    [['v=TLSRPTv1; rua=mailto:a@b.test\r\nBcc:x@y.test'], []],
  ]
  for (const [records, places] of table) assert.deepEqual(readReportAddresses(records), places, records.join('|'))
})

test('a report as RFC 8460, appendix B, has it', () => {
  const text = printTlsReport({
    organization: 'Company-X',
    contact: 'sts-reporting@company-x.example',
    id: '5065427c-23d3',
    domain: 'company-y.example',
    dayMs: Date.UTC(2016, 3, 1),
    policies: [
      {
        policy: { type: 'sts', strings: ['version: STSv1', 'mode: testing'], mxHosts: ['*.mail.company-y.example'] },
        successes: 5326,
        failures: [
          {
            type: 'certificate-expired',
            sendingIp: '2001:db8:abcd:0012::1',
            mxHost: 'mx1.mail.company-y.example',
            receivingIp: '2001:db8:abcd:0013::1',
            reason: '',
            sessions: 100,
          },
          { type: 'validation-failure', sendingIp: '', mxHost: 'mx2', receivingIp: '', reason: 'reset', sessions: 3 },
        ],
      },
    ],
  })
  const report = JSON.parse(text) as { policies: [{ summary: object; 'failure-details': object[] }] }
  assert.match(text, /"start-datetime":"2016-04-01T00:00:00Z","end-datetime":"2016-04-01T23:59:59Z"/)
  assert.deepEqual(report.policies[0].summary, {
    'total-successful-session-count': 5326,
    'total-failure-session-count': 103,
  })
  assert.deepEqual(report.policies[0]['failure-details'][0], {
    'result-type': 'certificate-expired',
    'sending-mta-ip': '2001:db8:abcd:0012::1',
    'receiving-mx-hostname': 'mx1.mail.company-y.example',
    'receiving-ip': '2001:db8:abcd:0013::1',
    'failed-session-count': 100,
  })
})
