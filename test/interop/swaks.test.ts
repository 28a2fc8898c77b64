import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Ran, run } from '../support/client.ts'
import { DOMAIN, PASSWORD, startServer, type TestServer } from '../support/server.ts'

function swaks(server: TestServer, service: string, ...args: readonly string[]): Promise<Ran> {
  return run('swaks', [
    '--server',
    `127.0.0.1:${server.port(service)}`,
    '--helo',
    'client.test',
    '--from',
    `ana@${DOMAIN}`,
    ...args,
  ])
}

/** The last reply to a command, and whether the client was content. */
const said = (ran: Ran, reply: RegExp): boolean => ran.out.split('\n').some((line) => reply.test(line))

test('swaks: each mechanism it has, in clear, with STARTTLS and over TLS', async (t) => {
  const server = await startServer(t, { accounts: ['ana', 'eva'] })
  for (const mechanism of ['PLAIN', 'LOGIN', 'CRAM-MD5', 'DIGEST-MD5']) {
    const auth = [
      '--to',
      'far@elsewhere.example',
      '--quit-after',
      'RCPT',
      '-a',
      mechanism,
      '-au',
      'ana',
      '-ap',
      PASSWORD,
    ]
    for (const [service, tls] of [
      ['submission', []],
      ['submission', ['-tls']],
      ['submissions', ['--tls-on-connect']],
    ] as const) {
      const ran = await swaks(server, service, ...tls, ...auth)
      assert.equal(ran.code, 0, `${mechanism} on ${service}: ${ran.out}${ran.err}`)
      assert.ok(said(ran, /^<[~-][ *]+235 2\.7\.0 Authentication successful/), mechanism)
      assert.ok(said(ran, /^<[~-] +250 2\.1\.5 Ok/), mechanism)
    }
  }
})

test('swaks: wrong passwords, strangers and unknown users are refused', async (t) => {
  const server = await startServer(t, { accounts: ['ana', 'eva'] })
  for (const mechanism of ['PLAIN', 'CRAM-MD5', 'DIGEST-MD5']) {
    const wrong = await swaks(server, 'smtp', '--to', `eva@${DOMAIN}`, '-a', mechanism, '-au', 'ana', '-ap', 'wrong')
    assert.ok(said(wrong, /^<\*\* 535 5\.7\.8 Error: authentication failed: authentication failure/), wrong.out)
  }
  // 454 and not 554: Postfix's default ends with defer_unauth_destination.
  const relay = await swaks(server, 'smtp', '--to', 'far@elsewhere.example')
  assert.ok(said(relay, /^<\*\* 454 4\.7\.1 <far@elsewhere\.example>: Relay access denied/), relay.out)
  const unknown = await swaks(server, 'smtp', '--to', `nosuch@${DOMAIN}`)
  assert.ok(
    said(
      unknown,
      /^<\*\* 550 5\.1\.1 <nosuch@mail\.example\.test>: Recipient address rejected: User unknown in local recipient table/,
    ),
    unknown.out,
  )
  const known = await swaks(server, 'smtp', '--to', `eva@${DOMAIN}`)
  assert.equal(known.code, 0, known.out)
})
