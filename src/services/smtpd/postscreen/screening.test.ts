/** A screen on a loopback port, whose tables, lists and memory the test holds in its hands. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { listen as listenEvents, type PostigoEvent, systemClock } from '../../../base/mod.ts'
import { makeRegistry, parseConfig } from '../../../io/config/mod.ts'
import { type Connection, listen } from '../../../io/net/mod.ts'
import { createTables } from '../../../io/tables/mod.ts'
import type { SmtpdEvent } from '../events.ts'
import { smtpdParams } from '../params.ts'
import { createScreen, postscreenParams, type ScreenDeps } from './mod.ts'

const MAIN_CF = `
myhostname = mail.example.test
postscreen_greet_wait = 1s
default_process_limit = 10
`

interface TestScreen {
  readonly port: number
  readonly events: SmtpdEvent[]
  /** As they came. */
  readonly connections: Connection[]
}

async function startScreen(t: TestContext, mainCf = '', deps: Partial<ScreenDeps> = {}): Promise<TestScreen> {
  const config = parseConfig(MAIN_CF + mainCf, makeRegistry(postscreenParams, smtpdParams))
  const accept = createScreen({
    cf: config.bind(postscreenParams),
    stressed: config.with(new Map([['stress', 'yes']])).bind(postscreenParams),
    host: { ...config.bind(smtpdParams), delay_logging_resolution_limit: 2 },
    clock: systemClock,
    tables: createTables(),
    access: async () => 'dunno',
    score: undefined,
    replyName: undefined,
    cache: undefined,
    serve: (connection) => connection.end('220 let through\r\n'),
    ...deps,
  })
  const connections: Connection[] = []
  const listener = await listen({
    address: '127.0.0.1',
    port: 0,
    onConnection: (connection) => {
      connections.push(connection)
      accept(connection)
    },
  })
  const events: SmtpdEvent[] = []
  const isOurs = (event: PostigoEvent): event is SmtpdEvent => event.event.startsWith('smtpd.')
  const stopEvents = listenEvents((event) => {
    if (isOurs(event)) events.push(event)
  })
  t.after(async () => {
    stopEvents()
    for (const connection of connections) connection.destroy()
    await listener.stop()
  })
  return { port: listener.port, events, connections }
}

/** @param words said at once */
function client(t: TestContext, { port }: TestScreen, words = ''): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  t.after(() => socket.destroy())
  if (words !== '') socket.write(words)
  return socket
}

/** All that the client hears up to this. */
async function heard(socket: Socket, until: RegExp): Promise<string> {
  let text = ''
  for await (const chunk of socket) {
    text += String(chunk)
    if (until.test(text)) break
  }
  assert.match(text, until)
  return text
}

/** Within a few turns of the loop, or the runner's limit ends the test. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turn()
}

const textsOf = ({ events }: TestScreen): string[] =>
  events.flatMap((event) => (event.event === 'smtpd.info' ? [event.text] : []))

const FAILED = /^421 4\.3\.0 mail\.example\.test Server local data error\r\n/m
/** The screen speaks at once with who spoke first. */
const TALKS = 'postscreen_greet_action = enforce\n'

test('what cannot be looked up ends the one connection, with a word', async (t) => {
  const broken = async (): Promise<never> => {
    throw new Error('disk I/O error')
  }
  const never = (): never => {
    throw new Error('disk I/O error')
  }
  const cache = {
    find: never,
    put: broken,
    forget: broken,
  }
  const table: [what: string, mainCf: string, deps: Partial<ScreenDeps>, event: SmtpdEvent['event']][] = [
    ['EHLO', `${TALKS}postscreen_discard_ehlo_keyword_address_maps = cidr:/etc/nope\n`, {}, 'smtpd.warning'],
    ['FOO', `${TALKS}postscreen_forbidden_commands = fail:nope\n`, {}, 'smtpd.warning'],
    ['EHLO', '', { cache }, 'smtpd.defect'],
    ['EHLO', '', { access: broken }, 'smtpd.defect'],
    ['EHLO', '', { score: { ask: () => ({ now: never, done: broken() }) } }, 'smtpd.defect'],
  ]
  for (const [command, mainCf, deps, event] of table) {
    const screen = await startScreen(t, mainCf, deps)
    await heard(client(t, screen, `${command} client.test\r\n`), FAILED)
    assert.equal(screen.events.filter((one) => one.event === event).length, 1, mainCf)
    await heard(client(t, screen, `${command} client.test\r\n`), FAILED)
  }
})

test('what a client says, and that it goes, is seen while postscreen_access_list is still asked', async (t) => {
  const { promise: access, resolve: decide } = Promise.withResolvers<'dunno'>()
  const screen = await startScreen(t, `${TALKS}postscreen_pre_queue_limit = 10\n`, { access: () => access })
  const early = client(t, screen, 'EHLO early.test\r\n')
  await until(() => screen.connections[0]?.octetsIn === 17)
  const gone = Array.from({ length: 9 }, () => client(t, screen))
  await until(() => screen.connections.length === 10)
  for (const socket of gone) socket.resetAndDestroy()
  await until(() => screen.connections.slice(1).every(({ closed }) => closed))
  const next = client(t, screen)
  decide('dunno')
  await heard(next, /^220-mail\.example\.test /)
  await heard(early, /^250 CHUNKING\r\n/m)
  const said = textsOf(screen)
  assert.equal(said.filter((text) => /^PREGREET 17 after \S+ from \S+ EHLO early\.test/.test(text)).length, 1)
  assert.equal(said.filter((text) => /^HANGUP after \S+ from \S+ in tests before SMTP handshake$/.test(text)).length, 9)
  assert.ok(!said.some((text) => text.startsWith('PASS ')))
})

test('who is let through after a slow lookup is heard from its first octet', async (t) => {
  const { promise: access, resolve: decide } = Promise.withResolvers<'permit'>()
  const serve = (connection: Connection): void =>
    connection.attach({ data: (chunk) => connection.end(`250 ${String(chunk)}`), end() {}, idle() {} })
  const screen = await startScreen(t, '', { access: () => access, serve })
  const early = client(t, screen, 'EHLO early.test\r\n')
  await until(() => screen.connections[0]?.octetsIn === 17)
  decide('permit')
  await heard(early, /^250 EHLO early\.test\r\n/)
})

test('who talks on while a command is carried out is read no further, and heard again behind it', async (t) => {
  const { promise: foo, resolve } = Promise.withResolvers<undefined>()
  const screen = await startScreen(t, TALKS, { tables: { ...createTables(), matchDomain: () => () => foo } })
  const begun = async (): Promise<[Socket, Connection]> => {
    const count = screen.connections.length
    const socket = client(t, screen, 'FOO\r\n')
    await until(() => screen.connections[count]?.octetsIn === 5)
    return [socket, screen.connections[count]!]
  }
  const [flooding, flooded] = await begun()
  const [patient, beside] = await begun()
  const pauses = t.mock.method(flooded, 'pause').mock
  const LIMIT = 2 * 1024 * 1024
  flooding.write('NOOP\r\n'.repeat(LIMIT / 4))
  await until(() => pauses.callCount() > 0 || flooded.octetsIn > LIMIT)
  assert.ok(flooded.octetsIn < LIMIT)
  patient.write('NOOP\r\n')
  await until(() => beside.octetsIn === 11)
  resolve(undefined)
  await heard(flooding, /^421 mail\.example\.test Service unavailable - try again later\r\n/m)
  patient.write('QUIT\r\n')
  await heard(patient, /^502 .*\r\n250 2\.0\.0 Ok\r\n221 2\.0\.0 Bye\r\n/m)
})

test('a line has its length, whole or not, and also while a command is carried out', async (t) => {
  const tables = { ...createTables(), matchDomain: () => () => new Promise<undefined>(() => {}) }
  const screen = await startScreen(t, TALKS, { tables })
  const long = 'x'.repeat(3000)
  for (const words of [`NOOP ${long}\r\n`, `NOOP ${long}`, `NOOP\r\nNOOP ${long}\r\n`, `${long}\r\nFOO\r\n`])
    await heard(client(t, screen, words), /^421 mail\.example\.test Service unavailable - try again later\r\n/m)
  const busy = client(t, screen, 'FOO\r\n')
  await until(() => screen.connections.at(-1)?.octetsIn === 5)
  busy.write(long)
  await heard(busy, /^421 mail\.example\.test Service unavailable - try again later\r\n/m)
  const limits = textsOf(screen).filter((text) => text.startsWith('COMMAND LENGTH LIMIT from '))
  assert.equal(limits.length, 5)
})
