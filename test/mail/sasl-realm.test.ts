/** smtpd_sasl_local_domain: what a bare login name is called, as Cyrus SASL makes it. */
import { test } from 'node:test'
import { PASSWORD, startServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

const plain = (name: string): string => Buffer.from(`\0${name}\0${PASSWORD}`).toString('base64')

test('with a domain set, a bare name is name@domain to login maps and the log; without, it stays bare', async (t) => {
  for (const [domain, owner] of [
    ['sasl.test', 'ana@sasl.test'],
    ['', 'ana'],
  ] as const) {
    const server = await startServer(t, {
      accounts: ['ana'],
      mainCf:
        `smtpd_sasl_local_domain = ${domain}\nsmtpd_sender_login_maps = inline:{ ana@x.test=${owner}, eva@x.test=eva }\n` +
        'smtpd_sender_restrictions = reject_sender_login_mismatch\n',
    })
    await transcript(
      server.port('smtp'),
      `
      S: 220 …
      C: HELO client.test
      S: 250 …
      C: AUTH PLAIN ${plain('ana')}
      S: 235 2.7.0 Authentication successful
      C: MAIL FROM:<eva@x.test>
      S: 250 2.1.0 Ok
      C: RCPT TO:<ana@mail.example.test>
      S: 553 5.7.1 <eva@x.test>: Sender address rejected: not owned by user ${owner}
      C: RSET
      S: 250 2.0.0 Ok
      C: MAIL FROM:<ana@x.test>
      S: 250 2.1.0 Ok
      C: RCPT TO:<ana@mail.example.test>
      S: 250 2.1.5 Ok
    `,
    )
    await server.logged(new RegExp(`sasl_method=PLAIN, sasl_username=${owner}$`, 'm'))
  }
})
