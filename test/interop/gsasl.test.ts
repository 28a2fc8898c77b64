/** GNU SASL's client on SMTP and IMAP, over STARTTLS: each mechanism that it has and we offer, bound to the channel too. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../support/client.ts'
import { PASSWORD, startServer } from '../support/server.ts'

const PLAIN = ['PLAIN', 'LOGIN', 'CRAM-MD5', 'DIGEST-MD5', 'SCRAM-SHA-1', 'SCRAM-SHA-256']
const BOUND = ['SCRAM-SHA-1-PLUS', 'SCRAM-SHA-256-PLUS']
const DONE = /^(?:235 2\.7\.0 |\. OK Logged in)/m

test('gsasl: each mechanism on SMTP and IMAP', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const attempt = async (protocol: 'smtp' | 'imap', mechanism: string, password = PASSWORD): Promise<string> => {
    const who = ['-a', 'ana', '-z', 'ana', '-p', password, '-r', 'mail.example.test', '--hostname', 'localhost']
    const at = [`--${protocol}`, `--connect=localhost:${server.port(protocol)}`, '-m', mechanism]
    const trust = ['--starttls', `--x509-ca-file=${join(server.dir, 'data/postigo/tls/self-signed.pem')}`]
    const unbound = BOUND.includes(mechanism) ? [] : ['--no-cb']
    const ran = await run('gsasl', [...at, ...who, ...trust, ...unbound, '--quiet'])
    return `${ran.out}${ran.err}`
  }
  const both = async (protocol: 'smtp' | 'imap'): Promise<void> => {
    for (const mechanism of [...PLAIN, ...BOUND])
      assert.match(await attempt(protocol, mechanism), DONE, `${protocol} ${mechanism}`)
    assert.doesNotMatch(await attempt(protocol, 'SCRAM-SHA-256-PLUS', 'wrong'), DONE)
  }
  await Promise.all([both('smtp'), both('imap')])
})
