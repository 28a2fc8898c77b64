/**
 * An smtpd on a loopback port over a main.cf in the test: real policy, routing, tables and SASL; intake keeps messages in
 * memory. And a dialogue with it, octet by octet where that matters.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect as netConnect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { connect as tlsConnect } from 'node:tls'
import { type Clock, listen as listenEvents, type PostigoEvent, systemClock } from '../../base/mod.ts'
import { selectMechanisms, startExchange } from '../../formats/sasl/mod.ts'
import type { Envelope, Reply } from '../../formats/smtp/mod.ts'
import { createIdentity, listen, selfSigned } from '../../io/net/mod.ts'
import { createTables } from '../../io/tables/mod.ts'
import { createSaslBackend } from '../../mail/accounts/mod.ts'
import { testAccounts } from '../../mail/accounts/test-accounts.ts'
import type { Arrival, Effect, Intake, OpenOptions } from '../../mail/intake/mod.ts'
import { testDns } from '../../mail/policy/fixture.test.ts'
import { createPolicy } from '../../mail/policy/mod.ts'
import { testDeps } from '../../mail/routing/fixture.test.ts'
import { createRouter } from '../../mail/routing/mod.ts'
import { createSmtpd, type SmtpdDeps, type SmtpdEvent, smtpdParams } from './mod.ts'

export const MAIN_CF = `
myhostname = mail.midominio.com
mydomain = midominio.com
myorigin = $myhostname
mydestination = $myhostname, localhost
mynetworks = 127.0.0.0/8
mail_name = Postfix
smtpd_sasl_auth_enable = yes
broken_sasl_auth_clients = yes
smtpd_tls_security_level = may
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 2000
smtpd_relay_restrictions = permit_sasl_authenticated, permit_mynetworks, reject_unauth_destination
smtpd_reject_unlisted_recipient = no
smtpd_forbid_bare_newline_exclusions =
`

/** A message that came in. */
export interface Taken {
  readonly content: string
  readonly envelope: Envelope
  readonly arrival: Arrival
  readonly options: OpenOptions
  readonly effects: readonly Effect[]
}

export interface TestSmtpd {
  readonly port: number
  readonly taken: Taken[]
  readonly events: SmtpdEvent[]
  /** Replies that intake gives instead of taking a message. */
  answer: Reply | undefined
}

export interface TestOptions {
  readonly names?: Readonly<Record<string, string>>
  readonly mechList?: readonly string[]
  readonly clock?: Clock
  readonly flush?: SmtpdDeps['flush']
  readonly tlsAvailable?: boolean
  /** How long intake makes the session wait for each write. */
  readonly slowWriteMs?: number
  readonly implicitTls?: boolean
  /** What else the listener has. */
  readonly more?: Pick<SmtpdDeps, 'lmtp' | 'milters' | 'beforeQueue' | 'sending'>
}

function memoryIntake(test: TestSmtpd, slowWriteMs: number): Intake {
  let count = 0
  const queueId = (): string => `Q${++count}`
  return {
    queueId,
    noRoom: () => undefined,
    open(arrival, options) {
      const chunks: Buffer[] = []
      return {
        queueId: options.queueId ?? queueId(),
        get sizeOctets() {
          return chunks.reduce((n, c) => n + c.length, 0)
        },
        write(chunk) {
          chunks.push(chunk)
          if (slowWriteMs > 0) return new Promise((resolve) => setTimeout(resolve, slowWriteMs))
        },
        async finish(envelope, effects = []) {
          if (test.answer !== undefined) return test.answer
          const content = Buffer.concat(chunks).toString('latin1')
          test.taken.push({ content, envelope, arrival, options, effects })
          return { code: 250, enhanced: '2.0.0', lines: [`Ok: queued as ${options.queueId}`] }
        },
        abort() {
          chunks.length = 0
        },
      }
    },
  }
}

export async function startSmtpd(t: TestContext, mainCf = '', options: TestOptions = {}): Promise<TestSmtpd> {
  const routing = testDeps(MAIN_CF + mainCf, { accounts: ['usuario'] })
  const { config, tables } = routing
  const cf = config.bind(smtpdParams)
  const router = createRouter({ ...routing, tables: createTables() })
  const dns = {
    ...testDns({}),
    clientName: async (address: string) => {
      const name = options.names?.[address]
      const status = name === undefined ? ('permanent' as const) : ('ok' as const)
      return { name: name ?? 'unknown', reverseName: name ?? 'unknown', nameStatus: status, reverseStatus: status }
    },
  }
  const accounts = testAccounts(t)
  await accounts.add('usuario', '', 'secret')
  const select = (securityOptions: readonly string[]): string[] =>
    selectMechanisms({
      available: new Set(['PLAIN', 'LOGIN', 'DIGEST-MD5', 'CRAM-MD5']),
      mechList: options.mechList,
      securityOptions,
    })
  const plain = select(cf.smtpd_sasl_security_options)
  const overTls = select(cf.smtpd_sasl_tls_security_options)
  const test: { -readonly [N in keyof TestSmtpd]: TestSmtpd[N] } = { port: 0, taken: [], events: [], answer: undefined }
  const dir = mkdtempSync(join(tmpdir(), 'postigo-smtpd-'))
  const { cert, key } = certificate()
  writeFileSync(join(dir, 'cert.pem'), cert + key)
  const serve = createSmtpd({
    cf,
    clock: options.clock ?? systemClock,
    resolver: dns,
    tables,
    policy: createPolicy({ config, tables, router, dns, clock: systemClock }),
    intake: memoryIntake(test, options.slowWriteMs ?? 0),
    backend: createSaslBackend(accounts, { service: 'smtp' }),
    startExchange,
    mechanisms: ({ secured }) => (secured ? overTls : plain),
    tlsAvailable: options.tlsAvailable ?? true,
    flush: options.flush ?? (async () => 'denied'),
    validAddress: (address, declaredUtf8) => router.validAddress(address, declaredUtf8),
    ...options.more,
  })
  const listener = await listen({
    address: '127.0.0.1',
    port: 0,
    tls: createIdentity({ files: [{ certFile: join(dir, 'cert.pem'), keyFile: '' }] }),
    implicitTls: options.implicitTls ?? false,
    onConnection: serve,
  })
  test.port = listener.port
  const isOurs = (event: PostigoEvent): event is SmtpdEvent => event.event.startsWith('smtpd.')
  const stopEvents = listenEvents((event) => {
    if (isOurs(event)) test.events.push(event)
  })
  t.after(async () => {
    stopEvents()
    await listener.stop()
    rmSync(dir, { recursive: true })
  })
  return test
}

let made: { cert: string; key: string } | undefined
/** One for all tests: making it costs more than a session. */
function certificate(): { cert: string; key: string } {
  return (made ??= selfSigned(['mail.midominio.com'], Date.now()))
}

/** How long a reply may take. */
const REPLY_LIMIT_MS = 4000

const ESCAPES: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', '0': '\0', '\\': '\\' }

/** `\r \n \t \0 \\ \xFF` */
function octetsOf(text: string): Buffer {
  const parts = text.split(/(\\x[0-9a-f]{2}|\\[rnt0\\])/i)
  return Buffer.concat(
    parts.map((p, i) =>
      i % 2 === 0
        ? Buffer.from(p)
        : Buffer.from(p[1] === 'x' ? String.fromCharCode(parseInt(p.slice(2), 16)) : (ESCAPES[p[1]!] ?? ''), 'latin1'),
    ),
  )
}

class Client {
  #socket: Socket
  #text = ''
  #ended = false
  #wake: () => void = () => {}

  constructor(port: number, localAddress: string) {
    this.#socket = netConnect({ port, host: '127.0.0.1', localAddress })
    this.#listen()
  }

  #listen(): void {
    const wake = (): void => this.#wake()
    this.#socket.on('data', (chunk) => {
      this.#text += chunk.toString()
      wake()
    })
    this.#socket.on('error', wake)
    this.#socket.on('close', () => {
      this.#ended = true
      wake()
    })
  }

  async startTls(): Promise<void> {
    const plain = this.#socket
    plain.removeAllListeners()
    this.#socket = tlsConnect({ socket: plain, rejectUnauthorized: false })
    this.#listen()
    await new Promise((resolve) => this.#socket.once('secureConnect', resolve))
  }

  send(octets: Buffer): void {
    this.#socket.write(octets)
  }
  halfClose(): void {
    this.#socket.end()
  }
  close(): void {
    this.#socket.destroy()
  }

  /** The next line, or `<end>`. */
  async line(): Promise<string> {
    const until = Date.now() + REPLY_LIMIT_MS
    for (;;) {
      const end = this.#text.indexOf('\r\n')
      if (end >= 0) {
        const line = this.#text.slice(0, end)
        this.#text = this.#text.slice(end + 2)
        return line
      }
      if (this.#ended) return '<end>'
      if (Date.now() > until) return '<silence>'
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 50)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
}

/**
 * `S:` a line that must come (`…` any text, `<end>` the end); `C:` a line that is sent; `c:` octets that are sent as they
 * are; `X:` a reply of any lines, whatever it says; `!tls` turns to TLS, `!end` closes the client's side.
 */
export async function dialogue(port: number, text: string, localAddress = '127.0.0.1'): Promise<void> {
  const client = new Client(port, localAddress)
  try {
    for (const raw of text.split('\n').map((line) => line.trim())) {
      const words = raw.slice(3)
      if (raw === '') continue
      else if (raw === '!tls') await client.startTls()
      else if (raw === '!end') client.halfClose()
      else if (raw.startsWith('C:')) client.send(Buffer.concat([octetsOf(words), Buffer.from('\r\n')]))
      else if (raw.startsWith('c:')) client.send(octetsOf(words))
      else if (raw.startsWith('S:')) expectLine(await client.line(), words, text)
      else if (raw === 'X:') await skipReply(client)
      else throw new Error(`not a dialogue: ${raw}`)
    }
  } finally {
    client.close()
  }
}

function expectLine(got: string, wanted: string, text: string): void {
  const pattern = wanted.split('…').map((part) => RegExp.escape(part))
  assert.match(got, new RegExp(`^${pattern.join('.*')}$`, 's'), `in ${text}`)
}

async function skipReply(client: Client): Promise<void> {
  for (let got = await client.line(); got[3] === '-'; got = await client.line());
}

/** The lines of a dialogue after EHLO: `command => reply`, or `command => reply | reply`. */
export async function answers(port: number, text: string, before = ''): Promise<void> {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .flatMap((line) => {
      const [said = '', replies = ''] = line.split(/ => ?/)
      return [`C: ${said}`, ...replies.split(' | ').map((reply) => `S: ${reply}`)]
    })
  await dialogue(port, ['X:', 'C: EHLO client.example', 'X:', before, ...lines].join('\n'))
}
