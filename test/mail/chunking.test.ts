/** Messages by BDAT, to servers that offer CHUNKING: `smtp_chunking_enable`. RFC 3030. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { messagesIn, until } from '../support/mailbox.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { type SinkMood, startSink } from '../support/sink.ts'
import { transcript } from '../support/transcript.ts'

const BODY = ['.', '..dots', 'x'.repeat(900), ...Array<string>(600).fill('y'.repeat(990)), 'end']

async function send(server: TestServer, recipients: readonly string[]): Promise<void> {
  const start = ['S: 220 …', 'C: HELO client.test', 'S: 250 …', 'C: MAIL FROM:<>', 'S: 250 2.1.0 Ok']
  const rcpts = recipients.flatMap((one) => [`C: RCPT TO:<${one}>`, 'S: 250 2.1.5 Ok'])
  const content = ['Subject: chunks', '', ...BODY].map((line) => `C: ${line.startsWith('.') ? '.' : ''}${line}`)
  const end = ['C: .', 'S: 250 2.0.0 Ok: queued as …', 'C: QUIT', 'S: 221 2.0.0 Bye']
  await transcript(server.port('smtp'), [...start, ...rcpts, 'C: DATA', 'S: 354 …', ...content, ...end].join('\n'))
}

const LOCAL = 'mynetworks = 127.0.0.0/8\nlocal_header_rewrite_clients =\n'

test('another server of ours has the same message by BDAT and by DATA', async (t) => {
  const taker = await startServer(t, {
    mainCf: 'mydestination = far.test\nlocal_header_rewrite_clients =\n',
    accounts: ['bob'],
  })
  for (const enabled of ['yes', 'no']) {
    const server = await startServer(t, {
      mainCf: `${LOCAL}relayhost = [127.0.0.1]:${taker.port('smtp')}\nsmtp_tls_security_level = none\nsmtp_chunking_enable = ${enabled}\n`,
    })
    await send(server, ['bob@far.test'])
    await server.logged(/status=sent/)
  }
  await until('both messages', async () => (await messagesIn(taker, 'bob')).length === 2)
  for (const text of await messagesIn(taker, 'bob'))
    assert.ok(
      text.endsWith(`Subject: chunks\r\n\r\n${BODY.join('\r\n')}\r\n`),
      `${text.length} octets, ${text.slice(0, 500)}`,
    )
  assert.match(taker.log(), /disconnect .* bdat=3 /)
  assert.match(taker.log(), /disconnect .* data=1 /)
})

test('how chunks go, and what becomes of recipients', async (t) => {
  interface Case {
    readonly offers?: readonly string[]
    readonly protocol?: 'lmtp'
    readonly answer?: SinkMood['answer']
    readonly heard: RegExp
    readonly log: RegExp
  }
  const whole = /\nBDAT \d{6}\nBDAT \d{6}\nBDAT \d+ LAST\n/
  const cases: readonly Case[] = [
    { heard: whole, log: /status=sent \(250 2\.0\.0 Ok: queued as SINK\)/ },
    { offers: ['CHUNKING', 'PIPELINING'], heard: /RCPT[^\n]*\nBDAT [^]*LAST\n/, log: /status=sent/ },
    { offers: [], heard: /\nDATA\n/, log: /status=sent/ },
    {
      answer: (said) => (said.startsWith('RCPT') ? '550 5.1.1 no' : undefined),
      offers: ['CHUNKING', 'PIPELINING'],
      heard: /^(?![^]*(?:BDAT|DATA))/,
      log: /status=bounced .*RCPT TO command/,
    },
    {
      answer: (said) => (/^BDAT \d+$/.test(said) ? '552 5.3.4 enough' : undefined),
      heard: /\nBDAT \d+\nRSET\nQUIT$/,
      log: /dsn=5\.3\.4, status=bounced \(host .* said: 552 5\.3\.4 enough \(in reply to BDAT command\)\)/,
    },
    {
      answer: (said) => (said.endsWith('LAST') ? '451 4.3.0 later' : undefined),
      heard: whole,
      log: /status=deferred \(host .* said: 451 4\.3\.0 later \(in reply to end of DATA command\)\)/,
    },
    {
      protocol: 'lmtp',
      answer: (said) => (said.endsWith('LAST') ? '250 2.1.5 one\n452 4.2.2 two' : undefined),
      heard: whole,
      log: /status=sent \(250 2\.1\.5 one\)\n[^]*status=deferred \(host .* said: 452 4\.2\.2 two/,
    },
  ]
  for (const [i, one] of cases.entries())
    await t.test(String(i), async (sub) => {
      const { protocol = 'smtp', offers = ['CHUNKING'], answer, heard, log } = one
      const sink = await startSink(sub, { offers, ...(answer !== undefined && { answer }) })
      const transport = `${protocol}:${protocol === 'lmtp' ? 'inet:' : ''}[127.0.0.1]:${sink.port}`
      const mainCf = `${LOCAL}default_transport = ${transport}\n${protocol}_chunking_enable = yes\n`
      const server = await startServer(sub, { mainCf })
      await send(server, protocol === 'lmtp' ? ['a@far.test', 'b@far.test'] : ['a@far.test'])
      await server.logged(log)
      await until('QUIT', () => sink.heard.flat().includes('QUIT'))
      assert.match(sink.heard.flat().join('\n'), heard)
      const content = sink.contents[0]
      if (offers.includes('CHUNKING') && content !== undefined)
        assert.ok(content.endsWith(`\r\n\r\n${BODY.join('\r\n')}\r\n`))
    })
})
