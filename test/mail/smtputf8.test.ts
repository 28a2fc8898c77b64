/** Which mail needs a next hop that knows SMTPUTF8. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Arrival, MessageFilters } from '#src/mail/intake/mod.ts'
import { startServer, type TestServer } from '../support/server.ts'

const ADDRESS = { clientAddress: '', clientName: '', helo: '', protocol: '', rewriteHeaders: false } as const

/** Sends through intake to a host without SMTPUTF8; answers what the log says of the recipient. */
async function fate(
  server: TestServer,
  message: {
    readonly subject: string
    readonly declared: boolean
    readonly filters?: MessageFilters
  } & Pick<Arrival, 'origin' | 'mailClass'>,
): Promise<string> {
  const { subject, declared, filters, ...how } = message
  const submission = server.server.rooms.current.intake.open(
    { ...ADDRESS, ...how },
    { effects: [], recipients: 1, firstRecipient: '', ...(filters && { filters }) },
  )
  assert.ok(!('code' in submission))
  await submission.write(Buffer.from(`Subject: ${subject}\r\n\r\nñ\r\n`))
  const recipients = [{ address: 'bob@far.test' }]
  const reply = await submission.finish({ sender: 'ana@mail.example.test', recipients, smtpUtf8: declared })
  assert.equal(reply.code, 250)
  const line = new RegExp(`${submission.queueId}: to=<bob@far\\.test>.* status=(.*)`)
  await server.logged(line)
  return (line.exec(server.log())?.[1] ?? '').slice(0, 40)
}

const bounced = 'bounced (SMTPUTF8 is required, but was n'
const sent = 'sent (250 2.0.0 Ok: queued as '

/** A host without SMTPUTF8, and the setting that leads to it. */
async function hopTo(t: TestContext): Promise<string> {
  const far = await startServer(t, {
    accounts: ['bob'],
    mainCf: 'myhostname = far.test\nmydestination = far.test\nsmtputf8_enable = no\n',
  })
  return `transport_maps = inline:{ far.test=smtp:[127.0.0.1]:${far.port('smtp')} }\n`
}

test('only what holds something outside ASCII needs SMTPUTF8, and only if somebody said so', async (t) => {
  const hop = await hopTo(t)
  const table: [classes: string, origin: 'smtp' | 'pickup' | 'forward' | 'bounce', ...fates: string[]][] = [
    // declared and ASCII; declared and not; undeclared and not
    ['sendmail, verify', 'smtp', sent, bounced, sent],
    ['sendmail, verify', 'pickup', sent, bounced, bounced],
    ['smtpd forward', 'smtp', sent, bounced, bounced],
    ['smtpd forward', 'pickup', sent, bounced, sent],
    ['smtpd forward', 'forward', sent, bounced, bounced],
    ['smtpd forward', 'bounce', sent, bounced, sent],
    ['all', 'bounce', sent, bounced, bounced],
  ]
  for (const classes of new Set(table.map(([word]) => word))) {
    const server = await startServer(t, {
      mainCf: `${hop}smtputf8_autodetect_classes = ${classes}\n`,
      accounts: ['ana'],
    })
    for (const [, origin, ...fates] of table.filter(([word]) => word === classes)) {
      const how =
        origin === 'smtp' || origin === 'pickup'
          ? ({ origin } as const)
          : ({ origin: 'internal', mailClass: origin } as const)
      const messages = [
        { ...how, subject: 'plain', declared: true },
        { ...how, subject: 'año', declared: true },
        { ...how, subject: 'año', declared: false },
      ]
      for (const [i, message] of messages.entries()) {
        const found = await fate(server, message)
        assert.ok(found.startsWith(fates[i] ?? '?'), `${classes}: ${JSON.stringify(message)}: ${found}`)
      }
    }
  }
})

test('what a filter makes of the header section decides, not what it was', async (t) => {
  const server = await startServer(t, { mainCf: await hopTo(t), accounts: ['ana'] })
  const changing = (value: string): MessageFilters => ({
    inspect: (message) => message.changeField(1, 'Subject', Buffer.from(` ${value}`)).then(() => undefined),
  })
  for (const [subject, value, expected] of [
    ['plain', 'año', bounced],
    ['año', 'plain', sent],
  ] as const) {
    const found = await fate(server, { origin: 'smtp', subject, declared: true, filters: changing(value) })
    assert.ok(found.startsWith(expected), `${subject}, ${value}: ${found}`)
  }
})
