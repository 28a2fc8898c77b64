/** HAProxy in front: Debian's balancer says whose connection it is, in either version of its protocol. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from 'node:net'
import { once } from 'node:events'
import { isOpen, program } from '../support/programs.ts'
import { startServer } from '../support/server.ts'
import { freePort } from '../support/ports.ts'

const skip = existsSync('/usr/sbin/haproxy') ? false : 'HAProxy is not installed (npm run setup:test)'

for (const [version, word] of [
  ['1', 'send-proxy'],
  ['2', 'send-proxy-v2'],
] as const)
  test(`the client is HAProxy's client, by version ${version} of its protocol`, { skip }, async (t) => {
    const server = await startServer(t, {
      mainCf: 'smtpd_upstream_proxy_protocol = haproxy\nsmtpd_peername_lookup = no\n',
    })
    const dir = mkdtempSync(join(tmpdir(), 'postigo-haproxy-'))
    t.after(() => rmSync(dir, { recursive: true, force: true }))
    const port = await freePort()
    writeFileSync(
      join(dir, 'haproxy.cfg'),
      `global
  maxconn 50
defaults
  mode tcp
  timeout connect 5s
  timeout client 20s
  timeout server 20s
listen mail
  bind 127.0.0.1:${port}
  server postigo 127.0.0.1:${server.port('smtp')} ${word}
`,
    )
    await program(t, ['haproxy', '-db', '-f', join(dir, 'haproxy.cfg')], () => isOpen('127.0.0.1', port))
    const client = connect({ port, host: '127.0.0.1', localAddress: '127.3.4.5' })
    client.on('error', () => {})
    await once(client, 'data')
    client.end('QUIT\r\n')
    await server.logged(/ connect from unknown\[127\.3\.4\.5\]\n/)
  })
