/** Reports of TLS: what is counted, shown and sent. RFC 8460. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Readable } from 'node:stream'
import { gunzipSync } from 'node:zlib'
import { manualClock } from '#src/base/mod.ts'
import type { DnsAnswer, Resolver } from '#src/io/dns/mod.ts'
import type { HttpAnswer, HttpRequest } from '#src/io/net/mod.ts'
import { TlsCounts } from '#src/mail/delivery/mod.ts'
import { tlsReport } from '#src/main/cli/tls-report.ts'
import { TlsReporter } from '#src/main/server/tls-reporter.ts'
import { answerTlsReport } from '#src/main/server/tls-report-control.ts'
import { messagesIn, until } from '../support/mailbox.ts'
import { startServer } from '../support/server.ts'

const DAY_MS = 86_400_000

const policy = { type: 'no-policy-found', strings: [], mxHosts: [] } as const
const at = { sendingIp: '192.0.2.1', mxHost: 'mx.far.test', receivingIp: '192.0.2.2', reason: 'x' }

test('a day’s outcomes go to whom the domain names, by mail and by HTTPS, once', async (t) => {
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf: 'tls_report_sender = tls@mail.example.test\nlocal_header_rewrite_clients =\n',
  })
  const { db, current } = server.server.rooms
  const clock = manualClock(20_000 * DAY_MS + DAY_MS / 2)
  const counts = new TlsCounts(db, () => clock.now())
  const records: Readonly<Record<string, string>> = {
    '_smtp._tls.far.test': 'v=TLSRPTv1; rua=mailto:ana@mail.example.test',
    '_smtp._tls.web.test': 'v=TLSRPTv1; rua=https://reports.web.test/take',
  }
  let isDnsAway = true
  const query: Resolver['query'] = (name): Promise<DnsAnswer> => {
    if (isDnsAway) return Promise.resolve({ status: 'failed', reason: 'away' })
    const value = records[name]
    if (value === undefined) return Promise.resolve({ status: 'nxdomain', secure: false })
    const answer = { status: 'ok', ttlSeconds: 1, secure: false } as const
    return Promise.resolve({ ...answer, records: [{ type: 'TXT', value, ttlSeconds: 1 }] })
  }
  const posted: HttpRequest[] = []
  const send = (request: HttpRequest): Promise<HttpAnswer> => {
    posted.push(request)
    return Promise.resolve({ status: posted.length === 1 ? 503 : 201, headers: {}, body: Buffer.alloc(0) })
  }
  const resolver = { query } as Resolver // asked questions only
  const reporter = new TlsReporter({ rooms: { clock, resolver, current }, counts, send, random: () => 0.5 })
  for (const domain of ['far.test', 'far.test', 'web.test', 'silent.test']) counts.add({ domain, policy })
  for (let n = 0; n < 3; n++) counts.add({ domain: 'far.test', policy, failure: 'certificate-expired', at })
  await counts.flush()
  const shown = answerTlsReport({ db, clock }, { command: 'tls-report', domain: 'far.test' })
  assert.deepEqual(
    (shown['rows'] as { failure: string; sessions: number }[]).map(({ failure, sessions }) => `${failure} ${sessions}`),
    [' 2', 'certificate-expired 3'],
  )

  const today = (): number => Math.floor(clock.now() / DAY_MS)
  const due = (): string[] => counts.due(today() + 1).map(({ domain }) => domain)
  await reporter.look() // the day is not over
  clock.advance(DAY_MS / 2 + 3_600_000)
  await reporter.look() // and the others send now
  clock.advance(2 * 3_600_000)
  await reporter.look() // DNS cannot be asked
  assert.deepEqual(due(), ['far.test', 'silent.test', 'web.test'])
  isDnsAway = false
  await reporter.look()
  assert.deepEqual(due(), ['web.test']) // its server could not
  await reporter.look()
  assert.deepEqual(due(), [])
  assert.equal(posted.length, 2)
  assert.equal(posted[1]?.headers?.['content-type'], 'application/tlsrpt+gzip')

  await until('the report has come', async () => (await messagesIn(server, 'ana')).length === 1)
  const [mail = ''] = await messagesIn(server, 'ana')
  assert.match(
    mail,
    /^Subject: Report Domain: far\.test Submitter: mail\.example\.test Report-ID: <20000\.\w+@mail\.example\.test>\r$/m,
  )
  assert.match(mail, /^TLS-Required: No\r$/m)
  const [, encoded = ''] =
    /filename="mail\.example\.test!far\.test!1728000000!1728086399\.json\.gz"\r\n\r\n([^-]+)\r\n--/.exec(mail) ?? []
  const report = JSON.parse(gunzipSync(Buffer.from(encoded, 'base64')).toString()) as Record<string, unknown>
  assert.deepEqual(report['policies'], [
    {
      policy: { 'policy-type': 'no-policy-found', 'policy-string': [], 'policy-domain': 'far.test', 'mx-host': [] },
      summary: { 'total-successful-session-count': 2, 'total-failure-session-count': 3 },
      'failure-details': [
        {
          'result-type': 'certificate-expired',
          'sending-mta-ip': '192.0.2.1',
          'receiving-mx-hostname': 'mx.far.test',
          'receiving-ip': '192.0.2.2',
          'failed-session-count': 3,
          'failure-reason-code': 'x',
        },
      ],
    },
  ])
})

test('counts that nobody reports go after two weeks', async (t) => {
  const { server } = await startServer(t)
  const clock = manualClock(20_000 * DAY_MS)
  const counts = new TlsCounts(server.rooms.db, () => clock.now())
  counts.add({ domain: 'a.test', policy })
  await counts.flush()
  clock.advance(15 * DAY_MS)
  counts.add({ domain: 'b.test', policy })
  await counts.flush()
  assert.deepEqual(
    counts.due(30_000).map(({ domain }) => domain),
    ['b.test'],
  )
})

test('postigo tls-report shows a day', async (t) => {
  const server = await startServer(t, { mainCf: 'smtp_tlsrpt_enable = yes\n' })
  const run = async (...words: string[]): Promise<string> => {
    let said = ''
    const say = (text: string | Buffer): void => void (said += String(text))
    const io = { out: say, err: say, cwd: server.dir, env: {}, stdin: Readable.from([]), tty: false }
    const code = await tlsReport(['-c', server.dir, ...words], io)
    return `${code} ${said}`
  }
  assert.equal(await run(), '0 nothing was counted\n')
  const counts = new TlsCounts(server.server.rooms.db, () => Date.UTC(2026, 0, 31))
  counts.add({ domain: 'far.test', policy, failure: 'starttls-not-supported', at })
  await counts.flush()
  assert.match(
    await run('2026-01-31'),
    /far\.test +no-policy-found +1 +starttls-not-supported +mx\.far\.test\[192\.0\.2\.2\] +x\n/,
  )
  assert.equal(await run('2026-01-31', '--domain', 'other.test', '--json'), '0 []\n')
  assert.match(await run('yesterday'), /^64 /)
})
