/** Many clients at once: stress at the process limit of a service, and polite words beyond the limits of our own. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { until } from '../support/mailbox.ts'
import { startServer, type TestServer } from '../support/server.ts'

/** A connection, and all that it has heard. */
function visitor(t: TestContext, port: number): { readonly socket: Socket; heard: string } {
  const socket = connect({ port, host: '127.0.0.1' })
  const one = { socket, heard: '' }
  socket.on('data', (chunk) => (one.heard += String(chunk))).on('error', () => {})
  t.after(() => socket.destroy())
  return one
}

const settled = (all: readonly { readonly heard: string }[]): Promise<void> =>
  until('all have heard something', () => all.every(({ heard }) => heard.includes('\r\n')))

test('a service with as many connections as its process limit is under stress, and says so once', async (t) => {
  const server = await startServer(t, {
    mainCf: 'default_process_limit = 3\nsmtpd_banner = stress=$stress\n',
  })
  const all: ReturnType<typeof visitor>[] = []
  for (let n = 0; n < 4; n++) {
    all.push(visitor(t, server.port('smtp')))
    await settled(all)
  }
  const greetings = all.map(({ heard }) => heard)
  assert.deepEqual(greetings, ['220 stress=\r\n', '220 stress=\r\n', '220 stress=yes\r\n', '220 stress=yes\r\n'])
  assert.equal(server.log().match(/service "smtp" .* has reached its process limit "3"/g)?.length, 1)
  for (const { socket } of all) socket.destroy()
  await until('they are gone', async () => (await server.server.status()).connections.smtp === 0)
  const next = visitor(t, server.port('smtp'))
  await settled([next])
  assert.equal(next.heard, '220 stress=\r\n')
})

test('beyond service_connection_limit, and where memory is short, each protocol has its words', async (t) => {
  const words = async (server: TestServer): Promise<string[]> => {
    const said: string[] = []
    for (const name of ['smtp', 'imap', 'pop3']) {
      const first = visitor(t, server.port(name))
      await settled([first])
      const next = visitor(t, server.port(name))
      await settled([next])
      said.push(next.heard)
    }
    return said
  }
  const REFUSED = [
    '421 4.3.2 All server ports are busy\r\n',
    '* BYE [UNAVAILABLE] Too many connections, try again later\r\n',
    '-ERR [SYS/TEMP] Too many connections, try again later\r\n',
  ]
  const mainCf = 'mailbox_services = imap, pop3\n'
  const crowded = await startServer(t, { mainCf: `${mainCf}service_connection_limit = 1\n` })
  assert.deepEqual(await words(crowded), REFUSED)
  const short = await startServer(t, { mainCf: `${mainCf}process_memory_limit = 1000000\n` })
  assert.deepEqual(await words(short), REFUSED)
})

test('one client has so many IMAP connections, unless it is excepted', async (t) => {
  const mainCf = 'mailbox_services = imap\nmailbox_client_connection_count_limit = 1\n'
  for (const [more, expected] of [
    ['mailbox_client_event_limit_exceptions =\n', /^\* BYE \[UNAVAILABLE\]/],
    ['mailbox_client_event_limit_exceptions = 127.0.0.0/8\n', /^\* OK /],
  ] as const) {
    const server = await startServer(t, { mainCf: mainCf + more })
    await settled([visitor(t, server.port('imap'))])
    const second = visitor(t, server.port('imap'))
    await settled([second])
    assert.match(second.heard, expected)
  }
})
