/** Clients that are slow on purpose, many, or say very much, before they have proved who they are: each ends, and costs little meanwhile. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { collectGarbage } from '../support/garbage.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { Ear } from './converse.ts'

const SERVICES = ['smtp', 'imap', 'pop3'] as const
const LIMITS = `
smtpd_timeout = 1s
smtpd_per_request_deadline = yes
imapd_login_timeout = 1s
pop3d_login_timeout = 1s
smtpd_client_connection_count_limit = 5
login_connection_limit = 5
login_ban_exceptions =
smtpd_client_connection_rate_limit = 0
`

const GREETING = /^(?:220 |\* OK|\+OK)/
/** What each says where it is full, and where a client takes too long. */
const FULL = { smtp: /^421 4\.7\.0 /, imap: /^\* BYE Too many/, pop3: /^-ERR \[SYS\/TEMP\] Too many/ }
const LATE = { smtp: /^421 4\.4\.2 /m, imap: /^\* BYE Autologout/m, pop3: /^-ERR \[SYS\/TEMP\] Disconnected/m }

function open(t: TestContext, port: number): { readonly socket: Socket; readonly ear: Ear } {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  t.after(() => socket.destroy())
  return { socket, ear: new Ear(socket) }
}

/** A connection that is greeted, once those that were closed are known to be. */
async function admitted(t: TestContext, port: number): Promise<ReturnType<typeof open>> {
  for (let n = 0; n < 100; n++) {
    const one = open(t, port)
    if (GREETING.test(await one.ear.until(/\n/))) return one
  }
  return assert.fail('no place became free')
}

test('an octet now and then holds no connection', async (t) => {
  const server = await startServer(t, { accounts: ['ana'], mainCf: LIMITS })
  await Promise.all(
    SERVICES.map(async (service) => {
      const { socket, ear } = open(t, server.port(service))
      const begun = performance.now()
      // Each octet by itself is in time.
      const drip = setInterval(() => socket.destroyed || socket.write('A'), 200)
      const said = await ear.until(undefined)
      clearInterval(drip)
      assert.match(said, LATE[service], service)
      assert.ok(performance.now() - begun < 40_000, service)
    }),
  )
})

test('a client gets so many connections, and a word for each further one; who leaves or logs in makes room', async (t) => {
  const server = await startServer(t, { accounts: ['ana'], mainCf: LIMITS.replaceAll('= 1s', '= 60s') })
  for (const service of SERVICES) {
    const port = server.port(service)
    const held = [await admitted(t, port)]
    while (held.length < 5) held.push(open(t, port))
    for (const { ear } of held.slice(1)) assert.match(await ear.until(/\n/), GREETING, service)
    for (let n = 0; n < 3; n++) assert.match(await open(t, port).ear.until(undefined), FULL[service], service)
    const [first] = held
    if (service === 'imap') {
      first?.socket.write('a LOGIN ana secret\r\n')
      await first?.ear.until(/^a OK/m)
    } else {
      first?.socket.end('QUIT\r\n')
      await first?.ear.until(undefined)
    }
    held.push(await admitted(t, port))
    for (const { socket } of held) socket.destroy()
  }
})

/** Floods in front of a log-in, and the word that ends each. */
const FLOODS: readonly (readonly [service: (typeof SERVICES)[number], flood: string, ends: RegExp])[] = [
  ['smtp', 'NOOP\r\n'.repeat(5000), /^421 4\.7\.0 \S+ Error: too many errors/m],
  ['smtp', 'EHLO x\r\n'.concat('RSET\r\n'.repeat(5000)), /^421 4\.7\.0 \S+ Error: too many errors/m],
  ['smtp', `EHLO x\r\n${'VRFY a\r\n'.repeat(5000)}`, /^421 4\.7\.0 \S+ Error: too many errors/m],
  ['smtp', 'x'.repeat(3_000_000).concat('\r\nQUIT\r\n'), /^500 5\.5\.2 Error: line too long\r\n221 /m],
  ['smtp', 'FOO\r\n'.repeat(5000), /^421 4\.7\.0 \S+ Error: too many errors/m],
  ['imap', 'a FOO\r\n'.repeat(5000), /^\* BYE Too many errors/m],
  ['imap', `${'x'.repeat(3_000_000)}\r\n`, /^\* BYE Command line too long/m],
  ['imap', 'a LOGIN {5000+}\r\n'.concat('x'.repeat(5000)), /^\* BYE Literal is too large/m],
  ['imap', `a LOGIN${' {4000+}\r\n'.concat('x'.repeat(4000)).repeat(100)}\r\n`, /^\* BYE Literal is too large/m],
  ['imap', `a LOGIN ana ${'(('.repeat(500)}\r\nb LOGOUT\r\n`, /^a BAD [^\n]*\n\* BYE/m],
  ['pop3', 'NOOP\r\n'.repeat(5000), /^-ERR Too many errors/m],
  ['pop3', `${'x'.repeat(3_000_000)}\r\nQUIT\r\n`, /^-ERR (?:Line too long|Too many errors)/m],
]

test('floods of commands, long lines and literals end with a word', async (t) => {
  const mainCf = 'smtpd_junk_command_limit = 100\nsmtpd_forbid_unauth_pipelining = no\nlogin_connection_limit = 0\n'
  const server = await startServer(t, { accounts: ['ana'], mainCf })
  for (const [service, flood, ends] of FLOODS) {
    const { socket, ear } = open(t, server.port(service))
    socket.write(flood)
    assert.match(await ear.until(undefined), ends, `${service}: ${flood.slice(0, 40)}`)
    socket.destroy()
  }
})

/** Octets that this process, the server's, holds for connections that have said as much as they may, and wait. */
async function heldFor(t: TestContext, server: TestServer, service: string, words: string): Promise<number> {
  const { heapUsed, arrayBuffers } = used()
  const all = Array.from({ length: CROWD }, () => open(t, server.port(service)))
  for (const { socket, ear } of all) {
    await ear.until(/\n/)
    socket.write(words)
  }
  await new Promise((wake) => setTimeout(wake, 300))
  const now = used()
  for (const { socket } of all) socket.destroy()
  return (now.heapUsed + now.arrayBuffers - heapUsed - arrayBuffers) / CROWD
}

const CROWD = 100
/** Both ends of the connection are in this process. */
const MOST = 100 * 1024

function used(): NodeJS.MemoryUsage {
  collectGarbage()
  return process.memoryUsage()
}

test('what a stranger can have kept is bounded', async (t) => {
  const mainCf = `smtpd_client_connection_count_limit = 0\nlogin_connection_limit = 0\n`
  const server = await startServer(t, { accounts: ['ana'], mainCf })
  const unfinished = 'x'.repeat(16_000)
  const literals = `a LOGIN${' {4000+}\r\n'.concat('x'.repeat(4000)).repeat(4)}`
  for (const [service, words] of [
    ['smtp', unfinished],
    ['imap', unfinished],
    ['imap', literals],
    ['pop3', unfinished],
  ] as const) {
    const octets = await heldFor(t, server, service, words)
    assert.ok(octets < MOST, `${service}: ${octets.toFixed()} octets a connection`)
  }
})
