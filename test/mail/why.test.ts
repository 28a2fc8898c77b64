/** simulate, why and a live session tell the same path for the same input, whatever the configuration. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { listen, type PostigoEvent } from '#src/base/mod.ts'
import type { IntakePlanned } from '#src/mail/intake/mod.ts'
import type { PolicyVerdict } from '#src/mail/policy/mod.ts'
import type { CliIo, Command } from '#src/main/cli/io.ts'
import { simulateCommand } from '#src/main/cli/simulate.ts'
import { why } from '#src/main/cli/why.ts'
import { type SimulatedSession, simulate, withLookingRooms } from '#src/main/server/simulation.ts'
import { startServer } from '../support/server.ts'

interface Story {
  readonly replies: readonly string[]
  readonly verdicts: readonly unknown[]
  readonly planned: readonly unknown[]
}

/** Queue ids are another for every message. */
const masked = (text: string): string => text.replace(/queued as \w+/, 'queued as ID')

const asVerdict = ({
  where,
  clientName,
  clientAddress,
  helo,
  sender,
  recipient,
  reply,
  effects,
  path,
}: PolicyVerdict) => ({
  where,
  client: `${clientName}[${clientAddress}]`,
  helo,
  sender,
  recipient,
  reply,
  effects,
  path,
})

/** The same session over a socket, as XCLIENT makes it another client's. */
async function live(port: number, session: SimulatedSession): Promise<Story & { readonly events: PostigoEvent[] }> {
  const events: PostigoEvent[] = []
  const stop = listen((event) => {
    if (event.event === 'policy.verdict' || event.event === 'intake.planned') events.push(event)
  })
  const socket = connect(port, '127.0.0.1')
  const replies: string[] = []
  let text = ''
  let wake = (): void => {}
  socket.on('data', (chunk) => {
    text += chunk.toString()
    wake()
  })
  const reply = async (): Promise<string> => {
    for (;;) {
      const [whole] = /^(?:\d{3}-[^\n]*\n)*\d{3} [^\n]*\n/.exec(text) ?? []
      if (whole !== undefined) {
        text = text.slice(whole.length)
        return whole.trimEnd().replaceAll('\r', '')
      }
      await new Promise<void>((resolve) => (wake = resolve))
    }
  }
  const ask = async (line: string): Promise<boolean> => {
    socket.write(`${line}\r\n`)
    const said = await reply()
    replies.push(masked(said))
    return /^[23]/.test(said)
  }
  // Without smtpd_delay_reject the test itself may be refused, before it can become somebody else.
  fc.pre((await reply()).startsWith('2'))
  socket.write(`XCLIENT NAME=${session.name} ADDR=${session.client}\r\n`)
  const greeting = await reply()
  events.length = 0
  replies.push(greeting)
  if (greeting.startsWith('2') && (await ask(`EHLO ${session.helo}`))) {
    if (await ask(`MAIL FROM:<${session.sender}>`)) {
      let taken = 0
      for (const recipient of session.recipients) if (await ask(`RCPT TO:<${recipient}>`)) taken++
      if (taken > 0 && (await ask('DATA'))) await ask('Subject: simulated\r\n\r\nThis message is not sent.\r\n.')
    }
  }
  socket.destroy()
  stop()
  return { replies, events, ...tell(events) }
}

function tell(events: readonly PostigoEvent[]): Pick<Story, 'verdicts' | 'planned'> {
  return {
    verdicts: events.filter((e) => e.event === 'policy.verdict').map((e) => asVerdict(e as PolicyVerdict)),
    planned: events.flatMap((e) => (e.event === 'intake.planned' ? (e as IntakePlanned).recipients : [])),
  }
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

const table = (answer: string): fc.Arbitrary<string> =>
  fc
    .subarray(['good.test', '203.0.113', 'evil.test', 'a@evil.test', 'ana@mail.example.test', 'x@far.test'], {
      minLength: 1,
    })
    .map((keys) => `inline:{ ${keys.map((key) => `{ ${key} = ${answer} }`).join(', ')} }`)

const restriction = fc.oneof(
  fc.constantFrom(
    'permit_mynetworks',
    'permit_sasl_authenticated',
    'reject_unauth_destination',
    'reject_unlisted_recipient',
    'reject_non_fqdn_helo_hostname',
    'reject_invalid_helo_hostname',
    'reject_non_fqdn_sender',
    'reject_unauth_pipelining',
    'warn_if_reject reject_non_fqdn_recipient',
    'defer_if_reject',
    'permit',
    'reject',
  ),
  fc
    .tuple(
      fc.constantFrom('client', 'helo', 'sender', 'recipient'),
      fc
        .constantFrom(
          'OK',
          'REJECT no',
          '450 later',
          'DUNNO',
          'HOLD',
          'WARN seen',
          'PREPEND X-Seen: yes',
          'DEFER_IF_PERMIT',
        )
        .chain(table),
    )
    .map(([what, tables]) => `check_${what}_access ${tables}`),
)

const configuration = fc
  .record({
    client: fc.array(restriction, { maxLength: 2 }),
    helo: fc.array(restriction, { maxLength: 2 }),
    sender: fc.array(restriction, { maxLength: 2 }),
    recipient: fc.array(restriction, { maxLength: 3 }),
    data: fc.array(restriction, { maxLength: 1 }),
    delay: fc.constantFrom('yes', 'no'),
    virtual: fc.constantFrom('', 'inline:{ { team@mail.example.test = ana, eva@far.test } }'),
  })
  .map((c) =>
    [
      `smtpd_client_restrictions = ${c.client.join(', ')}`,
      `smtpd_helo_restrictions = ${c.helo.join(', ')}`,
      `smtpd_sender_restrictions = ${c.sender.join(', ')}`,
      `smtpd_recipient_restrictions = ${c.recipient.join(', ')}`,
      `smtpd_data_restrictions = ${c.data.join(', ')}`,
      `smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination`,
      `smtpd_delay_reject = ${c.delay}`,
      `virtual_alias_maps = ${c.virtual}`,
      '',
    ].join('\n'),
  )

const session = fc.record({
  client: fc.constantFrom('203.0.113.9', '198.51.100.7', '127.0.0.2'),
  name: fc.constantFrom('mx.good.test', 'mx.evil.test'),
  helo: fc.constantFrom('mx.good.test', 'PC-JUAN', 'a..b'),
  sender: fc.constantFrom('', 'a@evil.test', 'b@good.test', 'c'),
  recipients: fc.subarray(
    ['ana@mail.example.test', 'team@mail.example.test', 'x@far.test', 'nobody@mail.example.test'],
    {
      minLength: 1,
    },
  ),
})

const MAIN = `smtpd_authorized_xclient_hosts = 127.0.0.1
smtpd_sasl_auth_enable = no
smtpd_tls_security_level = none
defer_transports = smtp, relay
`

test('simulate, why and a live session give the same path', async (t) => {
  const server = await startServer(t, { mainCf: MAIN, accounts: ['ana'] })
  const base = readFileSync(join(server.dir, 'main.cf'), 'utf8')
  await fc.assert(
    fc.asyncProperty(configuration, session, async (mainCf, one) => {
      writeFileSync(join(server.dir, 'main.cf'), base + mainCf)
      assert.equal(await server.server.reload(), undefined)
      const real = await live(server.port('smtp'), one)
      const simulated = await withLookingRooms(server.dir, (rooms) => simulate(rooms, one))
      const said = simulated.replies.map(({ reply }) => masked(reply ?? ''))
      // Behind XCLIENT the server offers XCLIENT no more; the client of a simulation was never asked.
      assert.deepEqual(said.map(withoutXclient), real.replies.map(withoutXclient))
      // What the greeting asked is before `live` listens.
      const verdicts = simulated.replies.slice(1).flatMap((reply) => reply.verdicts.map(asVerdict))
      assert.deepEqual(plain(verdicts), plain(real.verdicts))
      assert.deepEqual(plain(simulated.deliveries), plain(real.planned))
      await new Promise(setImmediate)
      const lines = readFileSync(recordOf(server.dir), 'utf8').trimEnd().split('\n')
      const recorded = lines.map((line) => JSON.parse(line) as PostigoEvent)
      const told = recorded.filter((e) => e.event === 'policy.verdict' || e.event === 'intake.planned')
      const mine = tell(told.slice(told.length - real.events.length))
      assert.deepEqual(plain(mine), plain({ verdicts: real.verdicts, planned: real.planned }))
    }),
    { numRuns: 60 },
  )
})

const withoutXclient = (reply: string): string => reply.replace(/\n250-XCLIENT[^\n]*/, '')

const recordOf = (dir: string): string =>
  join(dir, 'data', 'postigo', 'paths', `${new Date().toISOString().slice(0, 10)}.0.jsonl`)

async function type(dir: string, command: Command, argv: readonly string[], code: number, input = ''): Promise<string> {
  let out = ''
  let err = ''
  const io: CliIo = {
    stdin: Readable.from([input]),
    out: (text) => (out += text),
    err: (text) => (err += text),
    env: { MAIL_CONFIG: dir },
    cwd: dir,
    tty: false,
  }
  assert.equal(await command(argv, io), code, out + err)
  return out + err
}

test('why tells of mail by queue id, address, domain and client; simulate of mail that was never sent', async (t) => {
  const mainCf = `${MAIN}smtpd_sender_restrictions = check_sender_access inline:{ { evil.test = REJECT go away } }\nvirtual_alias_maps = inline:{ { team@mail.example.test = ana } }\n`
  const server = await startServer(t, { mainCf, accounts: ['ana'] })
  const { dir } = server
  const base = { client: '203.0.113.9', name: 'mx.good.test', helo: 'mx.good.test' }
  const sent = await live(server.port('smtp'), {
    ...base,
    sender: 'b@good.test',
    recipients: ['team@mail.example.test'],
  })
  await live(server.port('smtp'), { ...base, sender: 'a@evil.test', recipients: ['ana@mail.example.test'] })
  await new Promise(setImmediate)
  assert.match(sent.replies.at(-1) ?? '', /^250 /)
  const planned = sent.events.find((e) => e.event === 'intake.planned') as IntakePlanned
  for (const word of [planned.queueId, 'team@mail.example.test', '@good.test', 'MX.good.test', '203.0.113.9']) {
    const told = await type(dir, why, [word], 0)
    assert.match(told, new RegExp(`^${planned.queueId}\\n`, 'm'), word)
    assert.match(told, /RCPT of mx\.good\.test\[203\.0\.113\.9\].*: not refused/)
    assert.match(told, /virtual_alias_maps inline:.* team@mail\.example\.test: ana/)
    assert.match(told, /team@mail\.example\.test → ana@mail\.example\.test: the mailbox of ana/)
    assert.match(told, /to=<ana@mail\.example\.test>: in the mailbox/)
  }
  const refused = await type(dir, why, ['a@evil.test'], 0)
  assert.match(refused, /^refused\n/)
  assert.match(refused, /554 5\.7\.1 <a@evil\.test>: Sender address rejected: go away/)
  assert.match(refused, /smtpd_sender_restrictions \(\S+main\.cf, line \d+\) asks about a@evil\.test/)
  assert.match(await type(dir, why, ['nobody@else.test'], 67), /nothing about nobody@else\.test in the last 7 days/)

  const words = ['--client', '203.0.113.9', '--name', 'mx.good.test', '--helo', 'h.test', '--from', 'a@evil.test']
  assert.match(await type(dir, simulateCommand, [...words, '--rcpt', 'ana@mail.example.test'], 69), /go away/)
  const batch = JSON.stringify({ ...base, sender: 'b@good.test', recipients: ['team@mail.example.test'] })
  const [answer] = (await type(dir, simulateCommand, ['--sessions', '-', '--json'], 0, `${batch}\n`)).split('\n')
  assert.equal((JSON.parse(answer ?? '') as { verdict: string }).verdict, 'accepted')
  assert.match(await type(dir, simulateCommand, ['--client', 'x'], 64), /client must be an IP address/)
})
