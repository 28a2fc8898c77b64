import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Clock, manualClock, systemClock } from '#src/base/mod.ts'
import { answers, dialogue, startSmtpd, type TestSmtpd } from './fixture.test.ts'
import { rateKey } from './rates.ts'

const counts = (smtpd: TestSmtpd): string | undefined =>
  smtpd.events.find((e) => e.event === 'smtpd.disconnect')?.counts
const ended = (smtpd: TestSmtpd): string | undefined => {
  const event = smtpd.events.find((e) => e.event === 'smtpd.ended')
  return event && `${event.what} after ${event.where}`
}

test('recipients over the limit, and over the overshoot limit', async (t) => {
  const smtpd = await startSmtpd(
    t,
    'smtpd_recipient_limit = 2\nsmtpd_recipient_overshoot_limit = 2\nsmtpd_hard_error_limit = 1\n',
  )
  await answers(
    smtpd.port,
    `MAIL FROM:<a@b> => 250 2.1.0 Ok
    RCPT TO:<1@localhost> => 250 2.1.5 Ok
    RCPT TO:<2@localhost> => 250 2.1.5 Ok
    RCPT TO:<3@localhost> => 452 4.5.3 Error: too many recipients
    RCPT TO:<4@localhost> => 452 4.5.3 Error: too many recipients
    RCPT TO:<5@localhost> => 452 4.5.3 Error: too many recipients | 421 4.7.0 mail.midominio.com Error: too many errors | <end>`,
  )
  assert.equal(counts(smtpd), 'ehlo=1 mail=1 rcpt=4/5 commands=6/7')
  assert.equal(ended(smtpd), 'too many errors after RCPT')
})

test('junk commands count as errors after a while; a message delivered forgives', async (t) => {
  const smtpd = await startSmtpd(t, 'smtpd_junk_command_limit = 2\nsmtpd_hard_error_limit = 2\n')
  await answers(
    smtpd.port,
    `FOO => 500 5.5.2 Error: command not recognized
    MAIL FROM:<a@b> => 250 2.1.0 Ok
    RCPT TO:<1@localhost> => 250 2.1.5 Ok
    DATA => 354 End data with <CR><LF>.<CR><LF>
    . => 250 2.0.0 Ok: queued as Q1
    NOOP => 250 2.0.0 Ok
    NOOP => 250 2.0.0 Ok
    RSET => 250 2.0.0 Ok
    HELP => 214-2.0.0 … | 214-2.0.0 … | 214 2.0.0 Questions: postmaster
    VRFY x => 252 2.0.0 x | 421 4.7.0 mail.midominio.com Error: too many errors | <end>`,
  )
})

test('answers are delayed once there are errors', async (t) => {
  const smtpd = await startSmtpd(t, 'smtpd_soft_error_limit = 2\nsmtpd_error_sleep_time = 1s\n')
  const startMs = performance.now()
  await answers(
    smtpd.port,
    `FOO => 500 5.5.2 Error: command not recognized
    FOO => 500 5.5.2 Error: command not recognized`,
  )
  const took = performance.now() - startMs
  assert.ok(took > 900 && took < 3000, `${took} ms`)
})

test('a client that says nothing', async (t) => {
  const smtpd = await startSmtpd(t, 'smtpd_timeout = 1s\n')
  const farewell = 'S: 421 4.4.2 mail.midominio.com Error: timeout exceeded\nS: <end>'
  const mail = 'S: 220 …\nC: EHLO a\nX:\nC: MAIL FROM:<a@b>\nX:\nC: RCPT TO:<x@localhost>\nX:\n'
  await Promise.all([
    dialogue(smtpd.port, `S: 220 …\nC: EHLO a\nX:\n${farewell}`),
    dialogue(smtpd.port, `S: 220 …\nC: EHLO a\nX:\nC: AUTH LOGIN\nX:\n${farewell}`),
    dialogue(smtpd.port, `${mail}C: DATA\nX:\nC: foo\n${farewell}`),
    dialogue(smtpd.port, `${mail}c: BDAT 10\\r\\nfoo\n${farewell}`),
  ])
  const where = smtpd.events.flatMap((e) => (e.event === 'smtpd.ended' ? [`${e.what} after ${e.where}`] : []))
  assert.deepEqual(where.toSorted(), [
    'timeout after AUTH',
    'timeout after BDAT (3 bytes)',
    'timeout after DATA (5 bytes)',
    'timeout after EHLO',
  ])
})

test('with a deadline, a client that trickles is cut off', async (t) => {
  const smtpd = await startSmtpd(t, 'smtpd_timeout = 1s\nsmtpd_per_request_deadline = yes\n')
  const socket = connect(smtpd.port, '127.0.0.1')
  let said = ''
  socket.on('data', (chunk) => (said += chunk.toString()))
  const timer = setInterval(() => socket.write('x'), 100)
  const startMs = performance.now()
  await new Promise((resolve) => socket.once('end', resolve))
  clearInterval(timer)
  socket.destroy()
  assert.match(said, /421 4\.4\.2 /)
  assert.ok(performance.now() - startMs < 2500)
})

test('with a deadline, content slower than smtpd_min_data_rate is cut off', async (t) => {
  // Each look at it takes a minute: so long does the server wait for each piece.
  let atMs = 0
  const clock: Clock = { ...systemClock, monotonic: () => (atMs += 60_000) }
  const mail = 'S: 220 …\nC: EHLO a\nX:\nC: MAIL FROM:<a@b>\nX:\nC: RCPT TO:<x@localhost>\nX:\nC: DATA\nS: 354 …\n'
  const deadline = 'smtpd_timeout = 50s\nsmtpd_per_request_deadline = yes\n'
  const slow = await startSmtpd(t, `${deadline}smtpd_min_data_rate = 100000\n`, { clock })
  // 20,000 octets earn 40 s at 500 a second, which leaves 30; here they earn 0.2 s, and it is 9.8 s too late.
  await dialogue(slow.port, `${mail}c: ${'x'.repeat(20_000)}\nS: 421 4.4.2 …\nS: <end>`)
  const fast = await startSmtpd(t, `${deadline}smtpd_min_data_rate = 1\n`, { clock })
  await dialogue(fast.port, `${mail}C: ${'x'.repeat(900)}\nC: .\nS: 250 …`)
})

test('a client that leaves: what it asked before is answered', async (t) => {
  const smtpd = await startSmtpd(t)
  await dialogue(
    smtpd.port,
    'S: 220 …\nC: EHLO a\nX:\nc: MAIL FROM:<a@b>\\r\\nRCPT TO:<x@localhost>\\r\\n\n!end\nS: 250 2.1.0 Ok\nS: 250 2.1.5 Ok\nS: <end>',
  )
  assert.equal(ended(smtpd), 'lost connection after RCPT')
  const quiet = await startSmtpd(t)
  await answers(
    quiet.port,
    `MAIL FROM:<a@b> => 250 2.1.0 Ok
    RCPT TO:<1@localhost> => 250 2.1.5 Ok
    DATA => 354 End data with <CR><LF>.<CR><LF>
    . => 250 2.0.0 Ok: queued as Q1`,
  )
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(ended(quiet), undefined, 'leaving behind a message without QUIT is not worth a line')
})

test('no command lines: too long, empty, with NUL, of another protocol', async (t) => {
  const smtpd = await startSmtpd(t)
  const rude = '221 2.7.0 Error: I can break rules, too. Goodbye. | <end>'
  await answers(
    smtpd.port,
    `NOOP ${'x'.repeat(2043)} => 250 2.0.0 Ok
    NOOP ${'x'.repeat(3000)} => 500 5.5.2 Error: line too long
    NOOP ${'x'.repeat(300_000)} => 500 5.5.2 Error: line too long
    \\x20 => 500 5.5.2 Error: bad syntax
    NOOP\\0 => 500 5.5.2 Error: bad syntax
    FOO bar => 500 5.5.2 Error: command not recognized
    NOOP \\xff => 500 5.5.2 Error: bad UTF-8 syntax
    GET / HTTP/1.1 => ${rude}`,
  )
  for (const line of ['POST /', 'CONNECT x', 'Subject: x', '.', ':', '1', '\\x16\\x03\\x01'])
    await answers(smtpd.port, `${line} => ${rude}`.replace(/^\\x16.*/, `! => ${rude}`))
  assert.ok(
    smtpd.events.some(
      (e) => e.event === 'smtpd.warning' && e.text === 'non-SMTP command from unknown[127.0.0.1]: GET / HTTP/1.1',
    ),
  )
})

test('command filter, noop commands and refusal footer', async (t) => {
  const smtpd = await startSmtpd(
    t,
    String.raw`smtpd_command_filter = regexp:{{/^PING x$$/ NOOP}}
smtpd_noop_commands = FOO
disable_vrfy_command = yes
smtpd_reject_footer = \c. Call $client_address at $(server_name)
`,
  )
  await answers(
    smtpd.port,
    `PING x => 250 2.0.0 Ok
    foo bar => 250 2.0.0 Ok
    VRFY x => 502 5.5.1 VRFY command is disabled. Call 127.0.0.1 at mail.midominio.com`,
  )
})

test('sending on where one must wait', async (t) => {
  const sync = '554 5.5.0 Error: SMTP protocol synchronization | <end>'
  const smtpd = await startSmtpd(t)
  for (const early of ['NOOP\\r\\nNOOP', 'VRFY x\\r\\nNOOP', 'DATA\\r\\nx'])
    await answers(smtpd.port, `${early} => ${sync}`)
  await dialogue(
    smtpd.port,
    `S: 220 …\nC: EHLO a\\r\\nMAIL FROM:<a@b>\nS: 554 5.5.0 Error: SMTP protocol synchronization\nS: <end>`,
  )
  await dialogue(
    smtpd.port,
    `S: 220 …\nC: HELO a\nX:\nC: MAIL FROM:<a@b>\\r\\nRCPT TO:<x@y>\nS: 554 5.5.0 Error: SMTP protocol synchronization\nS: <end>`,
  )
  await answers(
    smtpd.port,
    `MAIL FROM:<a@b>\\r\\nRCPT TO:<x@localhost>\\r\\nDATA\\r\\nx\\r\\n. => 250 2.1.0 Ok | 250 2.1.5 Ok | ${sync}`,
  )
  await answers(
    smtpd.port,
    'RSET\\r\\nETRN x\\r\\nFOO\\r\\nQUIT => 250 2.0.0 Ok | 459 <x>: service unavailable | 500 5.5.2 … | 221 2.0.0 Bye',
  )
  const logged = smtpd.events.flatMap((e) => (e.event === 'smtpd.pipelining' ? [`${e.where}: ${e.input}`] : []))
  assert.deepEqual(logged.slice(0, 2), ['NOOP: NOOP\\r\\n', 'VRFY: NOOP\\r\\n'])
  const lax = await startSmtpd(t, 'smtpd_forbid_unauth_pipelining = no\n')
  await answers(lax.port, 'NOOP\\r\\nNOOP => 250 2.0.0 Ok | 250 2.0.0 Ok')
})

test('bare LF: a line, refused, or as good as CRLF', async (t) => {
  const mail =
    'MAIL FROM:<a@b> => 250 2.1.0 Ok\nRCPT TO:<x@localhost> => 250 2.1.5 Ok\nDATA => 354 End data with <CR><LF>.<CR><LF>\n'
  const normalize = await startSmtpd(t)
  await answers(normalize.port, `NOOP\\nRSET => 554 5.5.0 Error: SMTP protocol synchronization`)
  await answers(normalize.port, `${mail}a\\n.\\nMAIL FROM:<evil@b>\\r\\n.\\n\\r\\n. => 250 2.0.0 Ok: queued as Q1`)
  assert.equal(normalize.taken[0]?.content, 'a\r\nMAIL FROM:<evil@b>\r\n\r\n')
  const reject = await startSmtpd(t, 'smtpd_forbid_bare_newline = reject\n')
  await answers(
    reject.port,
    `${mail}a\\nb\\r\\n. => 550 5.5.2 mail.midominio.com Error: bare <LF> received\nNOOP => 250 2.0.0 Ok`,
  )
  await dialogue(
    reject.port,
    'S: 220 …\nc: EHLO a\\n\nS: 550 5.5.2 mail.midominio.com Error: bare <LF> received\nS: <end>',
  )
  assert.deepEqual(reject.taken, [])
  const bare = `${mail}a\\nb\\r\\n. =>`
  const code = (n: number): string =>
    `smtpd_forbid_bare_newline = reject\nsmtpd_forbid_bare_newline_reject_code = ${n}\n`
  const words = '5.5.2 mail.midominio.com Error: bare <LF> received'
  await answers((await startSmtpd(t, code(554))).port, `${bare} 554 ${words}\nNOOP => 250 2.0.0 Ok`)
  await answers((await startSmtpd(t, code(521))).port, `${bare} 521 ${words} | <end>`)
  const no = await startSmtpd(t, 'smtpd_forbid_bare_newline = no\n')
  await answers(no.port, `${mail}a\\n.\\nNOOP => 250 2.0.0 Ok: queued as Q1 | 250 2.0.0 Ok`)
  const excluded = await startSmtpd(
    t,
    'smtpd_forbid_bare_newline = reject\nsmtpd_forbid_bare_newline_exclusions = 127.0.0.1\n',
  )
  await answers(excluded.port, `${mail}a\\n.\\nNOOP => 250 2.0.0 Ok: queued as Q1 | 250 2.0.0 Ok`)
  const note = await startSmtpd(t, 'smtpd_forbid_bare_newline = note\n')
  await answers(note.port, `${mail}a\\n.\\nb\\r\\n. => 250 2.0.0 Ok: queued as Q1`)
  assert.ok(note.events.some((e) => e.event === 'smtpd.bare_newline' && e.where === 'END-OF-MESSAGE'))
})

test('any octets get a reply, and never a crash', async (t) => {
  const smtpd = await startSmtpd(t, 'smtpd_forbidden_commands =\n')
  const word = fc.oneof(
    fc.constantFrom(
      'EHLO',
      'MAIL FROM:',
      'RCPT TO:',
      '<a@b>',
      'DATA',
      'BDAT',
      '3',
      'LAST',
      'AUTH',
      'PLAIN',
      'VRFY',
      ' ',
      '=',
      '\r\n',
      '.',
      '<',
      '"',
      '\\',
      'RSET',
      'XCLIENT',
      'SIZE=1',
    ),
    fc.uint8Array({ maxLength: 6 }).map((a) => Buffer.from(a).toString('latin1')),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 20 }), fc.nat(7), async (words, cut) => {
      const octets = Buffer.from(words.join('') + '\r\nQUIT\r\n', 'latin1')
      const socket = connect({ port: smtpd.port, host: '127.0.0.1', allowHalfOpen: true })
      let said = ''
      socket.on('data', (chunk) => (said += chunk.toString('latin1')))
      socket.on('error', () => {})
      const end = new Promise((resolve) => socket.once('close', resolve))
      await new Promise((resolve) => socket.once('connect', resolve))
      socket.write(octets.subarray(0, cut))
      socket.end(octets.subarray(cut))
      await end
      for (const line of said.split('\r\n').slice(0, -1)) assert.match(line, /^[2-5]\d\d[ -]/)
    }),
    { numRuns: 150 },
  )
  assert.deepEqual(
    smtpd.events.filter((e) => e.event === 'smtpd.defect'),
    [],
  )
})

test('clients of one network are counted as one', () => {
  const bits = { ipv4: 24, ipv6: 64 }
  const table: readonly (readonly [string, string, boolean])[] = [
    ['192.0.2.1', '192.0.2.254', true],
    ['192.0.2.1', '192.0.3.1', false],
    ['2001:db8::1', '2001:db8::2:0:0:1', true],
    ['2001:db8::1', '2001:db8:0:1::1', false],
    ['0.0.0.1', '::1', false],
  ]
  for (const [a, b, same] of table) assert.equal(rateKey(a, bits) === rateKey(b, bits), same, `${a} ${b}`)
  assert.equal(rateKey('192.0.2.1', { ipv4: 32, ipv6: 84 }), '192.0.2.1')
})

test('anvil_rate_time_unit is the time over which clients are counted', async (t) => {
  const clock = manualClock()
  const limit = 'smtpd_client_event_limit_exceptions =\nsmtpd_client_message_rate_limit = 1\n'
  const { port } = await startSmtpd(t, `${limit}anvil_rate_time_unit = 10s\n`, { clock })
  const tooMuch = '450 4.7.1 Error: too much mail from 127.0.0.1'
  await answers(port, `MAIL FROM:<a@b> => 250 2.1.0 Ok\nRSET => 250 2.0.0 Ok\nMAIL FROM:<a@b> => ${tooMuch}`)
  clock.advance(9_000)
  await answers(port, `MAIL FROM:<a@b> => ${tooMuch}`)
  clock.advance(1_000)
  await answers(port, 'MAIL FROM:<a@b> => 250 2.1.0 Ok')
})

test('a network is counted as a whole, and the port is named in the log', async (t) => {
  const smtpd = await startSmtpd(
    t,
    'smtpd_client_event_limit_exceptions =\nsmtpd_client_message_rate_limit = 1\nsmtpd_client_ipv4_prefix_length = 8\n' +
      'smtpd_client_port_logging = yes\n',
  )
  await answers(smtpd.port, 'MAIL FROM:<a@b> => 250 2.1.0 Ok\nQUIT => 221 2.0.0 Bye')
  const second = 'S: 220 …\nC: MAIL FROM:<a@b>\nS: 450 4.7.1 Error: too much mail from 127.0.0.9'
  await dialogue(smtpd.port, second, '127.0.0.9')
  const warning = smtpd.events.findLast((e) => e.event === 'smtpd.warning')
  assert.match(warning?.text ?? '', /rate limit exceeded: 2 from unknown\[127\.0\.0\.9\]:\d+ for service/)
  assert.ok(smtpd.events.every((e) => e.clientPort !== undefined))
})

test('a footer by the whole reply, else the one for all', async (t) => {
  const { port } = await startSmtpd(
    t,
    'smtpd_reject_footer = for all\nsmtpd_reject_footer_maps = regexp:{{/^500 5.5.2/ for $$$$client_address}}\n',
  )
  await answers(
    port,
    `HELO => 501-Syntax: HELO hostname | 501 for all
    FOO => 500-5.5.2 Error: command not recognized | 500 5.5.2 for 127.0.0.1
    NOOP => 250 2.0.0 Ok`,
  )
})

test('smtpd_delay_open_until_valid_rcpt = no: a refusal at RCPT has a queue id', async (t) => {
  for (const [mainCf, queueId] of [
    ['', undefined],
    ['smtpd_delay_open_until_valid_rcpt = no\n', 'Q1'],
  ] as const) {
    const smtpd = await startSmtpd(t, `${mainCf}smtpd_recipient_limit = 1\n`)
    await answers(smtpd.port, 'MAIL FROM:<a@b> => 250 2.1.0 Ok\nQUIT => 221 2.0.0 Bye')
    assert.equal(smtpd.events.find((e) => e.event === 'smtpd.client')?.queueId, queueId)
  }
})

test('smtpd_hide_client_session is told to intake, and EHLO names what the filter lets through', async (t) => {
  const smtpd = await startSmtpd(
    t,
    'smtpd_hide_client_session = yes\nsmtpd_sasl_mechanism_filter = !digest-md5, plain, cram-md5\n',
  )
  await dialogue(
    smtpd.port,
    `S: 220 …
    C: EHLO a
    S: 250-mail.midominio.com
    S: 250-PIPELINING
    S: 250-SIZE 10240000
    S: 250-VRFY
    S: 250-ETRN
    S: 250-STARTTLS
    S: 250-AUTH PLAIN CRAM-MD5
    X:
    C: MAIL FROM:<a@b>
    S: 250 2.1.0 Ok
    C: RCPT TO:<x@localhost>
    S: 250 2.1.5 Ok
    C: DATA
    S: 354 …
    C: .
    S: 250 …`,
  )
  assert.equal(smtpd.taken[0]?.arrival.hidden, true)
})
