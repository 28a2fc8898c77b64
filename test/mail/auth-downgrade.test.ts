/** What an attacker, or a broken client, makes of an exchange, on SMTP, IMAP and POP3. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PASSWORD, startServer } from '../support/server.ts'
import { type Protocol, TlsDialogue } from '../support/tls-dialogue.ts'

const PROTOCOLS: readonly Protocol[] = ['smtp', 'imap', 'pop3']
const PLAIN = Buffer.from(`\0ana\0${PASSWORD}`)
const DONE = /^(?:235 |OK |\+OK)/
const REFUSED = /^(?:535 5\.7\.8|NO \[AUTHENTICATIONFAILED\]|-ERR \[AUTH\])/

test('exchanges that are cancelled, empty, too long, or come twice', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  for (const protocol of PROTOCOLS) {
    const on = await TlsDialogue.secured(t, protocol, server.port(protocol))
    const cancelled = await on.authenticate('CRAM-MD5', undefined, () => '*')
    assert.match(cancelled.reply, /^(?:501 5\.7\.0|BAD|-ERR) ?.*(?:aborted|cancelled)/)
    assert.match((await on.authenticate('PLAIN', Buffer.alloc(0))).reply, REFUSED) // `=`
    assert.match((await on.authenticate('CRAM-MD5', Buffer.alloc(0))).reply, REFUSED) // the server speaks first
    assert.match((await on.authenticate('PLAIN', '==x')).reply, /^(?:535|BAD|-ERR)/)
    assert.match((await on.authenticate('NOSUCH', PLAIN)).reply, /^(?:535|NO \[CANNOT\]|-ERR)/)
    assert.match((await on.authenticate('PLAIN', PLAIN)).reply, DONE, protocol)
    assert.match((await on.authenticate('PLAIN', PLAIN)).reply, /^(?:503|BAD|-ERR)/)
    const long = await TlsDialogue.secured(t, protocol, server.port(protocol))
    const said = await long.authenticate('PLAIN', undefined, () => 'A'.repeat(40_000)).catch(() => ({ reply: 'gone' }))
    assert.match(said.reply, /^(?:500 5\.5\.6|BAD|-ERR|gone)/, protocol)
  }
})

test('what stands in a response line that is too long is no command', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  for (const protocol of PROTOCOLS) {
    const on = await TlsDialogue.secured(t, protocol, server.port(protocol))
    const open = on.authenticate('PLAIN', undefined, () => `${'A'.repeat(400_000)} QUIT`)
    const { reply } = await open.catch(() => ({ reply: 'gone' }))
    if (reply === 'gone') continue
    assert.match(reply, /^(?:500 5\.5\.6|BAD|-ERR)/, protocol)
    // One answer to the line, however many pieces it came in; then one to the next command.
    on.send(protocol === 'imap' ? 'z NOOP' : protocol === 'smtp' ? 'NOOP' : 'AUTH NOSUCH')
    assert.match(
      await on.line(/^./),
      protocol === 'imap' ? /^z OK/ : protocol === 'smtp' ? /^250 / : /^-ERR Unsupported/,
      protocol,
    )
  }
})

test('POP3 hears the answer to a challenge behind many commands at once', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const on = await TlsDialogue.secured(t, 'pop3', server.port('pop3'))
  on.send('CAPA\r\n'.repeat(5000) + 'AUTH PLAIN')
  await on.line(/^\+ $/)
  on.send(PLAIN.toString('base64'))
  assert.match(await on.line(/^./), DONE)
})

test('where passwords want TLS, no mechanism is offered or taken without it', async (t) => {
  const mainCf = 'smtpd_tls_auth_only = yes\nimapd_tls_auth_only = yes\npop3d_tls_auth_only = yes\n'
  const server = await startServer(t, { accounts: ['ana'], mainCf })
  for (const protocol of PROTOCOLS) {
    const plain = await TlsDialogue.open(t, protocol, server.port(protocol))
    assert.equal(await plain.mechanisms(), '', protocol)
    for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-256-PLUS'])
      assert.match((await plain.authenticate(mechanism, PLAIN)).reply, /^(?:503 5\.5\.1|NO \[PRIVACYREQUIRED\]|-ERR)/)
    const secured = await TlsDialogue.secured(t, protocol, server.port(protocol))
    assert.match(await secured.mechanisms(), /PLAIN.*SCRAM-SHA-256-PLUS/)
    assert.match((await secured.authenticate('PLAIN', PLAIN)).reply, DONE)
  }
})
