/** What the SMTP and LMTP clients do about servers that reply in odd ways: reply filters, firewalls that hide greetings. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { startServer, type TestServer } from '../support/server.ts'
import { type Sink, type SinkMood, startSink } from '../support/sink.ts'
import { transcript } from '../support/transcript.ts'

interface Case {
  readonly name: string
  /** By their smtp_ names. */
  readonly set: Readonly<Record<string, string>>
  readonly answer?: SinkMood['answer']
  readonly log: RegExp
  readonly heard?: RegExp
  readonly notHeard?: RegExp
  readonly notLogged?: RegExp
}

const hidden: SinkMood['answer'] = (said) => (said === 'CONNECT' ? '220 *****0***2***200' : undefined)
const odd: SinkMood['answer'] = (said) => (/^(EHLO|LHLO)/.test(said) ? '250-sink.test\nwhat?\n250 8BITMIME' : undefined)

const CASES: readonly Case[] = [
  {
    name: 'a hidden greeting',
    set: {},
    answer: hidden,
    log: /enabling PIX workarounds: disable_esmtp for 127\.0\.0\.1\[127\.0\.0\.1\]:\d+\n[^]*status=sent/,
    heard: /^(HELO|LHLO) /,
  },
  {
    name: 'pix_workarounds',
    set: { smtp_pix_workarounds: '' },
    answer: hidden,
    log: /status=sent/,
    heard: /^(EHLO|LHLO) /,
    notLogged: /PIX/,
  },
  {
    name: 'pix_workaround_maps, pix_workaround_threshold_time, pix_workaround_delay_time',
    set: {
      smtp_pix_workaround_maps: 'inline:{ 127.0.0.1=Delay_DotCRLF }',
      smtp_pix_workaround_threshold_time: '0s',
      smtp_pix_workaround_delay_time: '1s',
    },
    answer: hidden,
    log: /workarounds: delay_dotcrlf for [^]*delays=[^,]*\/[1-9][\d.]*, dsn=2\.0\.0, status=sent/,
    heard: /^(EHLO|LHLO) /,
  },
  { name: 'no filter', set: {}, answer: odd, log: /status=sent/, heard: /^(EHLO|LHLO) [^]*BODY=8BITMIME/ },
  {
    name: 'reply_filter makes a line of what was none',
    set: { smtp_reply_filter: 'pcre:{ { !/^[2-5][0-9][0-9]([- ]|$$)/ 250-SIZE 10 } }' },
    answer: odd,
    log: /dsn=5\.3\.4, status=bounced/,
  },
  {
    name: 'reply_filter changes what is meant',
    set: { smtp_reply_filter: 'pcre:{ { /^250 2\\.1\\.0 .*/ 450 4.7.9 later } }' },
    log: /dsn=4\.7\.9, status=deferred \(host 127\.0\.0\.1\[127\.0\.0\.1\] said: 450 4\.7\.9 later \(in reply to MAIL FROM command\)\)/,
  },
  {
    name: 'a reply_filter that cannot be asked',
    set: { smtp_reply_filter: 'hash:/nowhere' },
    log: /warning: .*nowhere[^]*dsn=4\.3\.0, status=deferred \(local data error while talking to 127\.0\.0\.1\[127\.0\.0\.1\]\)/,
    notHeard: /HLO/,
  },
]

async function send(server: TestServer): Promise<void> {
  const start = ['S: 220 …', 'C: EHLO client.test', ...Array<string>(9).fill('S: 250-…'), 'S: 250 …']
  const mail = ['C: MAIL FROM:<> BODY=8BITMIME', 'S: 250 2.1.0 Ok', 'C: RCPT TO:<rcpt@far.test>', 'S: 250 2.1.5 Ok']
  const rest = ['C: DATA', 'S: 354 …', 'C: Subject: x', 'C:', 'C: y', 'C: .', 'S: 250 2.0.0 Ok: queued as …']
  await transcript(server.port('smtp'), [...start, ...mail, ...rest, 'C: QUIT', 'S: 221 2.0.0 Bye'].join('\n'))
}

async function serverFor(t: TestContext, one: Case, protocol: 'smtp' | 'lmtp'): Promise<[TestServer, Sink]> {
  const sink = await startSink(t, one.answer === undefined ? {} : { answer: one.answer })
  const set = Object.entries(one.set).map(([name, value]) => `${name.replace(/^smtp/, protocol)} = ${value}\n`)
  const via = protocol === 'lmtp' ? 'lmtp:inet:' : 'smtp:'
  const route = `default_transport = ${via}[127.0.0.1]:${sink.port}\n`
  const mainCf = `mynetworks = 127.0.0.0/8\nsmtpd_tls_security_level = none\nsmtpd_sasl_auth_enable = no\n${route}${set.join('')}`
  return [await startServer(t, { mainCf }), sink]
}

for (const protocol of ['smtp', 'lmtp'] as const)
  for (const one of CASES)
    test(`${protocol}: ${one.name}`, async (t) => {
      const [server, sink] = await serverFor(t, one, protocol)
      await send(server)
      await server.logged(one.log)
      const heard = sink.heard.flat().join('\n')
      assert.match(heard, one.heard ?? /^/)
      assert.doesNotMatch(heard, one.notHeard ?? /$^/)
      assert.doesNotMatch(server.log(), one.notLogged ?? /$^/)
    })
