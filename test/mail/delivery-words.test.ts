/** What the log tells of deliveries where main.cf or master.cf changes it: delivery status filters, digits of delays. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startServer, type TestServer } from '../support/server.ts'
import { startSink } from '../support/sink.ts'
import { transcript } from '../support/transcript.ts'

async function send(server: TestServer, recipients: readonly string[]): Promise<void> {
  const rcpts = recipients.flatMap((one) => [`C: RCPT TO:<${one}>`, 'S: 250 2.1.5 Ok'])
  const start = ['S: 220 …', 'C: HELO client.test', 'S: 250 …', 'C: MAIL FROM:<>', 'S: 250 2.1.0 Ok']
  const end = ['C: DATA', 'S: 354 …', 'C: Subject: x', 'C:', 'C: y', 'C: .', 'S: 250 2.0.0 Ok: queued as …']
  await transcript(server.port('smtp'), [...start, ...rcpts, ...end, 'C: QUIT', 'S: 221 2.0.0 Bye'].join('\n'))
}

interface Case {
  readonly service: string
  readonly log: RegExp
}

test('a delivery status filter has the last word, within its sort', async (t) => {
  const sink = await startSink(t, { answer: (said) => (said.startsWith('RCPT TO:<no') ? '550 5.1.1 no' : undefined) })
  const far = `[127.0.0.1]:${sink.port}`
  const cases: readonly Case[] = [
    {
      service: 'smtp -o { smtp_delivery_status_filter = pcre:{{/^2\\S+ (.*)/ 2.6.0 [$$1]}} }',
      log: /smtp\[.*dsn=2\.6\.0, status=sent \(\[250 2\.0\.0 Ok: queued as SINK\]\)/,
    },
    {
      service: 'lmtp -o { lmtp_delivery_status_filter = pcre:{{/^2/ 2.6.1 done}} }',
      log: /lmtp\[.*dsn=2\.6\.1, status=sent \(done\)/,
    },
    {
      service: 'local -o { local_delivery_status_filter = pcre:{{/^5\\S+ unknown/ 4.1.9 perhaps}} }',
      log: /local\[.*dsn=4\.1\.9, status=deferred \(perhaps\)/,
    },
    {
      service: 'virtual -o { virtual_delivery_status_filter = pcre:{{/^5\\S+ unknown/ 5.7.9 nobody}} }',
      log: /virtual\[.*dsn=5\.7\.9, status=bounced \(nobody\)/,
    },
    {
      service:
        'pipe -o { pipe_delivery_status_filter = pcre:{{/^4/ 5.3.5 broken}} } user=no-such-user-here argv=/bin/true',
      log: /pipe\[.*dsn=5\.3\.5, status=bounced \(broken\)/,
    },
    { service: 'smtp', log: /smtp\[.*dsn=2\.0\.9, status=sent \(by default\)/ },
    {
      service: 'smtp -o { smtp_delivery_status_filter = static:{5.0.0 no} }',
      log: /smtp\[.*dsn=2\.0\.0, status=sent \(250 2\.0\.0 Ok: queued as SINK\)/,
    },
    {
      service: 'smtp -o { smtp_delivery_status_filter = static:2.0.0 }',
      log: /smtp\[.*dsn=2\.0\.0, status=sent \(250 2\.0\.0 Ok: queued as SINK\)/,
    },
    {
      service: 'smtp -o { smtp_delivery_status_filter = hash:/nowhere }',
      log: /smtp\[.*dsn=2\.0\.0, status=sent \(250 2\.0\.0 Ok: queued as SINK\)/,
    },
  ]
  const entries = cases.map(({ service }, i) => `case${i} unix - n n - - ${service}\n`)
  const routes = cases.map(
    ({ service }, i) => `{ case${i}.test = case${i}:${service.startsWith('lmtp') ? 'inet:' : ''}${far} }`,
  )
  const server = await startServer(t, {
    mainCf: `mynetworks = 127.0.0.0/8\ntransport_maps = inline:{ ${routes.join(' ')} }\ndefault_delivery_status_filter = pcre:{{/^2/ 2.0.9 by default}}\n`,
    files: { 'master.cf': `smtp inet n - n - - smtpd\n${entries.join('')}` },
  })
  await send(
    server,
    cases.map((_, i) => `rcpt@case${i}.test`),
  )
  for (const [i, { log }] of cases.entries())
    await server.logged(new RegExp(`${log.source.replace('.*', `.* to=<rcpt@case${i}\\.test>.*`)}`))
  assert.match(server.log(), /warning: smtp delivery status filter: bad status code: 5\.0\.0 no/)
  assert.match(server.log(), /warning: smtp delivery status filter: bad status code: 2\.0\.0\n/)
  assert.match(server.log(), /warning: smtp delivery status filter: .*nowhere/)
})

test('delay_logging_resolution_limit', async (t) => {
  for (const [limit, delays] of [
    ['0', /delays=\d+\/\d+\/\d+\/\d+,/],
    ['6', /delays=\S*\d\.\d{3}/],
  ] as const) {
    const sink = await startSink(t)
    const server = await startServer(t, {
      mainCf: `mynetworks = 127.0.0.0/8\nrelayhost = [127.0.0.1]:${sink.port}\ndelay_logging_resolution_limit = ${limit}\n`,
    })
    await send(server, ['rcpt@far.test'])
    await server.logged(delays)
  }
})

test('mail for accounts has its words changed too', async (t) => {
  const filter = 'local_delivery_status_filter = pcre:{ { /^2.0.0 delivered to mailbox/ 2.1.5 kept } }\n'
  const server = await startServer(t, { mainCf: filter, accounts: ['ana'] })
  await send(server, ['ana@mail.example.test'])
  await server.logged(/local\[.*to=<ana@.*dsn=2\.1\.5, status=sent \(kept\)/)
})
