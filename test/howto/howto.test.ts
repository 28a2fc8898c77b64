/** The how-to of small offices carried out on its own files: what its table says must be true afterwards. */
import assert from 'node:assert/strict'
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import type { CliIo, Command } from '#src/main/cli/io.ts'
import { check } from '#src/main/cli/check.ts'
import { openAccountsOf } from '#src/main/cli/open-accounts.ts'
import { newaliases } from '#src/main/cli/postalias.ts'
import { postmap } from '#src/main/cli/postmap.ts'
import { sasldblistusers2Command } from '#src/main/cli/sasldblistusers2.ts'
import { saslpasswd2Command } from '#src/main/cli/saslpasswd2.ts'
import { readConfig } from '#src/main/server/rooms.ts'
import { allFindings } from '#src/main/server/findings.ts'
import { Server } from '#src/main/server/server.ts'
import { transcript } from '../support/transcript.ts'

const here = import.meta.dirname

async function type(dir: string, command: Command, argv: readonly string[], input = '', code = 0): Promise<string> {
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
  assert.equal(await command(argv, io), code, err)
  return out
}

/** Steps 2 to 9: the files, the tables, the accounts, the start. */
async function office(
  t: TestContext,
  mainCf = '',
): Promise<{ dir: string; server: Server; port: (name: string) => number }> {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-howto-'))
  cpSync(join(here, 'etc'), dir, { recursive: true })
  appendFileSync(
    join(dir, 'main.cf'),
    `data_directory = ${dir}/data\nmaillog_file = ${dir}/log\ninet_interfaces = 127.0.0.1\nmailbox_services = imap, pop3\n${mainCf}`,
  )
  for (const table of ['recipient_canonical', 'sender_canonical', 'access', 'saslpass'])
    await type(dir, postmap, [`hash:${join(dir, table)}`])
  await type(dir, newaliases, [])
  for (const user of ['usuario', 'pepe', 'pedro'])
    await type(dir, saslpasswd2Command(openAccountsOf), ['-c', '-p', user], 'clave\n')
  const { server } = await Server.start({ directory: dir, portOffset: 0, freePorts: true, singleThread: true })
  t.after(async () => {
    await server.stop()
    rmSync(dir, { recursive: true })
  })
  const port = (name: string): number => server.services.find((service) => service.name === name)?.port ?? 0
  return { dir, server, port }
}

test('the dialogue with the defaults', async (t) => {
  const { port } = await office(t)
  await transcript(port('smtp'), readFileSync(join(here, 'session-default.txt'), 'utf8'))
})

test("the how-to's own dialogue", async (t) => {
  const { dir, server, port } = await office(
    t,
    'smtpd_discard_ehlo_keywords = enhancedstatuscodes, dsn, chunking\nsmtpd_authorized_verp_clients = $mynetworks\n',
  )
  writeFileSync(join(dir, 'sasl', 'smtpd.conf'), 'pwcheck_method: sasldb\nmech_list: PLAIN LOGIN DIGEST-MD5 CRAM-MD5\n')
  assert.equal(await server.reload(), undefined)
  await transcript(port('smtp'), readFileSync(join(here, 'session.txt'), 'utf8'))
})

test('sasldblistusers2 lists who can log in', async (t) => {
  const { dir } = await office(t)
  const listed = (await type(dir, sasldblistusers2Command(openAccountsOf), [])).trim().split('\n').toSorted()
  assert.deepEqual(
    listed,
    ['pedro', 'pepe', 'usuario'].map((user) => `${user}@mail.midominio.com: userPassword`),
  )
})

test('root is usuario, webmaster of each domain is who the table says', async (t) => {
  const { server, port } = await office(t)
  const routes = [
    ['root@mail.midominio.com', 'usuario'],
    ['postmaster@dominio.virtual', 'usuario'],
    ['webmaster@midominio.com', 'pepe'],
    ['webmaster@dominio.virtual', 'pedro'],
  ] as const
  for (const [address] of routes) {
    await transcript(
      port('smtp'),
      `
      S: 220 mail.midominio.com ESMTP Postigo
      C: HELO PC-JUAN
      S: 250 mail.midominio.com
      C: MAIL FROM: <cliente@otro.example>
      S: 250 2.1.0 Ok
      C: RCPT TO: <${address}>
      S: 250 2.1.5 Ok
      C: DATA
      S: 354 End data with <CR><LF>.<CR><LF>
      C: Subject: for ${address}
      C:
      C: hola
      C: .
      S: 250 2.0.0 Ok: queued as …
      C: QUIT
      S: 221 2.0.0 Bye
    `,
    )
  }
  const { accounts, store } = server.rooms.current
  const count = (user: string): number | undefined => store.status(accounts.byLogin(user)?.id ?? 0, 'INBOX')?.messages
  assert.deepEqual([count('usuario'), count('pepe'), count('pedro')], [2, 1, 1])
})

test('each mistake of the how-to is found', async (t) => {
  const { dir } = await office(t)
  const findings = await allFindings(readConfig({ directory: dir }))
  const text = findings.map((finding) => `${finding.text} | ${finding.proposal ?? ''}`).join('\n')
  for (const expected of [
    /stmpd_helo_restrictions is no parameter/,
    /check_client_access is a restriction, not a parameter/,
    /check_relay_domains is no longer/,
    /reject_maps_rbl is no longer/,
    /relays\.ordb\.org/,
    /midominio\.com is served nowhere[^|]*\|[^\n]*\$mydomain/,
    /smtp_sasl_auth_enable is set again/,
    /saslpass holds passwords and can be read/,
    /relay_domains = \$mydestination takes mail for every subdomain/,
    /this is the host itself/,
    /passwords are taken without TLS/,
    /permit_inet_interfaces, permit_mynetworks, permit_sasl_authenticated/,
  ]) {
    assert.match(text, expected)
  }
})

/** The main.cf as the page prints it: continued lines begin at the margin. */
const asPrinted = (text: string): string => text.replace(/^[ \t]+/gm, '')

test('check --fix arrives at the same file whether or not the lists were indented, and comments stay', async (t) => {
  const mended: string[] = []
  for (const printed of [false, true]) {
    const dir = mkdtempSync(join(tmpdir(), 'postigo-howto-'))
    t.after(() => rmSync(dir, { recursive: true }))
    cpSync(join(here, 'etc'), dir, { recursive: true })
    const file = join(dir, 'main.cf')
    const before = readFileSync(file, 'utf8')
    if (printed) writeFileSync(file, asPrinted(before))
    const told = await type(dir, check, [], '', printed ? 78 : 0)
    assert.equal(/"permit_mynetworks," is no setting: it continues line 21/.test(told), printed)
    assert.match(told, /stmpd_helo_restrictions is no parameter/)
    assert.match(told, /sasldb is the word of Cyrus SASL 1/)
    assert.match(await type(dir, check, ['--fix']), /\+ \d+: smtpd_helo_restrictions = permit_sasl_authenticated,/)
    assert.equal(readFileSync(`${file}.before-fix`, 'utf8'), printed ? asPrinted(before) : before)
    const after = readFileSync(file, 'utf8')
    mended.push(after)
    assert.match(after, /^# order and with its own mistakes left in/m)
    assert.match(after, /^# inet_interfaces = localhost$/m)
    assert.doesNotMatch(after, /stmpd|check_relay_domains|maps_rbl|^check_client_access|\$mydomain, \$mydomain/m)
    assert.equal(after.match(/^smtp_sasl_auth_enable/gm)?.length, 1)
    assert.doesNotMatch(await type(dir, check, ['--fix']), /^changed/, 'a mended file needs no mending')
  }
  assert.equal(mended[0], mended[1])
  assert.match(
    mended[0] ?? '',
    /^mydestination = \$myhostname, localhost\.\$mydomain, dominio\.virtual$/m,
    'whose domains is not ours to say',
  )
})

test('limits: too big at MAIL and after DATA; VRFY and ETRN', async (t) => {
  const { port } = await office(t, 'message_size_limit = 2000\nmailbox_size_limit = 0\n')
  await transcript(
    port('smtp'),
    `
    S: 220 …
    C: EHLO client.example
    S: 250-mail.midominio.com
    S: 250-PIPELINING
    S: 250-SIZE 2000
    S: 250-VRFY
    S: 250-ETRN
    S: 250-AUTH …
    S: 250-AUTH=…
    S: 250-ENHANCEDSTATUSCODES
    S: 250-8BITMIME
    S: 250-DSN
    S: 250 CHUNKING
    C: MAIL FROM:<a@otro.example> SIZE=2001
    S: 552 5.3.4 Message size exceeds fixed limit
    C: MAIL FROM:<a@otro.example>
    S: 250 2.1.0 Ok
    C: RCPT TO:<usuario@dominio.virtual>
    S: 250 2.1.5 Ok
    C: DATA
    S: 354 …
    C: Subject: ${'x'.repeat(900)}
    C:
    C: ${'y'.repeat(900)}
    C: ${'z'.repeat(900)}
    C: .
    S: 552 5.3.4 Error: message file too big
    C: VRFY usuario
    S: 252 2.0.0 usuario
    C: VRFY nadie
    S: 550 5.1.1 <nadie>: Recipient address rejected: User unknown in local recipient table
    C: ETRN ajeno.example
    S: 459 <ajeno.example>: service unavailable
    C: ETRN dominio.virtual
    S: 250 Queuing started
    C: QUIT
    S: 221 2.0.0 Bye
  `,
  )
})
