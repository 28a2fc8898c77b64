/** AUTH, side by side: each mechanism of Cyrus SASL as Postfix speaks it, right and wrong, and what it is refused for. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { BIN } from '../../support/checkout.ts'
import { run } from '../../support/client.ts'
import { until } from '../../support/mailbox.ts'
import { reasonToSkip, writeView } from './namespace.ts'
import { startPostfix } from './postfix.ts'
import { startPostigo } from './postigo.ts'
import { PORT_OFFSET, portsOf, type World } from './world.ts'

const REALM = 'mail.example.test'
const PASSWORD = 'pa ss:wörd'
const SMTPD_CONF =
  'pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256\n'
const KEEP_MS = 15_000

const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64')
const text64 = (text: string): string => Buffer.from(text, 'base64').toString()
const plain = (user: string, password: string, as = ''): string => base64(`${as}\0${user}\0${password}`)

/** A line, or what is made of the last reply. */
type Step = string | ((reply: string) => string)

const challenge = (reply: string): string => text64(reply.slice(4))

const cram =
  (user: string, password: string): Step =>
  (reply) =>
    base64(`${user} ${createHmac('md5', password).update(challenge(reply)).digest('hex')}`)

function digest(user: string, password: string): Step[] {
  const md5 = (...parts: (string | Buffer)[]): Buffer =>
    parts.reduce<ReturnType<typeof createHash>>((hash, part) => hash.update(part), createHash('md5')).digest()
  return [
    (reply) => {
      const said = challenge(reply)
      const [, nonce = ''] = /nonce="([^"]*)"/.exec(said) ?? []
      const [, realm = ''] = /realm="([^"]*)"/.exec(said) ?? []
      const uri = 'smtp/mail.example.test'
      const a1 = Buffer.concat([md5(`${user}:${realm}:${password}`), Buffer.from(`:${nonce}:cn`)])
      const a2 = md5(`AUTHENTICATE:${uri}`).toString('hex')
      const response = md5(`${md5(a1).toString('hex')}:${nonce}:00000001:cn:auth:${a2}`).toString('hex')
      return base64(
        `charset=utf-8,username="${user}",realm="${realm}",nonce="${nonce}",nc=00000001,cnonce="cn",digest-uri="${uri}",response=${response},qop=auth`,
      )
    },
    '',
  ]
}

function scram(hash: 'sha1' | 'sha256', user: string, password: string): Step[] {
  const nonce = randomBytes(9).toString('base64')
  const bare = `n=${user},r=${nonce}`
  return [
    `AUTH SCRAM-SHA-${hash === 'sha1' ? '1' : '256'} ${base64(`n,,${bare}`)}`,
    (reply) => {
      const server = challenge(reply)
      const [, r = '', s = '', i = '4096'] = /r=([^,]*),s=([^,]*),i=(\d+)/.exec(server) ?? []
      const salted = pbkdf2Sync(password, Buffer.from(s, 'base64'), Number(i), hash === 'sha1' ? 20 : 32, hash)
      const hmac = (key: Buffer, what: string): Buffer => createHmac(hash, key).update(what).digest()
      const key = hmac(salted, 'Client Key')
      const final = `c=biws,r=${r}`
      const signature = hmac(createHash(hash).update(key).digest(), `${bare},${server},${final}`)
      return base64(`${final},p=${base64(Buffer.from(key.map((octet, at) => octet ^ (signature[at] ?? 0))))}`)
    },
    '',
  ]
}

interface Case {
  readonly name: string
  readonly overrides?: Readonly<Record<string, string>>
  readonly steps: readonly Step[]
}

const HELLO = 'EHLO client.example.test'
const GOOD = plain('ana', PASSWORD)
const MAIL = ['MAIL FROM:<ana@x.test>', 'RCPT TO:<b@far.test>']
const both = (name: string, of: (user: string, password: string) => readonly Step[]): Case[] => [
  { name, steps: [HELLO, ...of('ana', PASSWORD), ...MAIL] },
  { name: `${name}, wrong password`, steps: [HELLO, ...of('ana', 'wrong'), ...MAIL] },
  { name: `${name}, nobody`, steps: [HELLO, ...of('nobody', PASSWORD), 'NOOP'] },
]

const CASES: readonly Case[] = [
  ...both('PLAIN', (user, password) => [`AUTH PLAIN ${plain(user, password)}`]),
  ...both('PLAIN in two steps', (user, password) => ['AUTH PLAIN', plain(user, password)]),
  ...both('PLAIN with realm', (user, password) => [`AUTH PLAIN ${plain(`${user}@${REALM}`, password)}`]),
  ...both('PLAIN as oneself', (user, password) => [`AUTH PLAIN ${plain(user, password, user)}`]),
  ...both('PLAIN as another', (user, password) => [`AUTH PLAIN ${plain(user, password, 'eva')}`]),
  ...both('LOGIN', (user, password) => ['AUTH LOGIN', base64(user), base64(password)]),
  ...both('LOGIN with the name', (user, password) => [`AUTH LOGIN ${base64(user)}`, base64(password)]),
  ...both('CRAM-MD5', (user, password) => ['AUTH CRAM-MD5', cram(user, password)]),
  ...both('DIGEST-MD5', (user, password) => ['AUTH DIGEST-MD5', ...digest(user, password)]),
  ...both('SCRAM-SHA-1', (user, password) => scram('sha1', user, password)),
  ...both('SCRAM-SHA-256', (user, password) => scram('sha256', user, password)),
  { name: 'before EHLO', steps: [`AUTH PLAIN ${GOOD}`] },
  { name: 'behind HELO', steps: ['HELO x', `AUTH PLAIN ${GOOD}`] },
  { name: 'lower case', steps: [HELLO, `auth plain ${GOOD}`, 'RSET', HELLO, ...MAIL] },
  { name: 'twice', steps: [HELLO, `AUTH PLAIN ${GOOD}`, `AUTH PLAIN ${GOOD}`] },
  { name: 'in a transaction', steps: [HELLO, MAIL[0] ?? '', `AUTH PLAIN ${GOOD}`] },
  {
    name: 'no mechanism',
    steps: [HELLO, 'AUTH', 'AUTH  ', 'AUTH FOO', 'AUTH GSSAPI', 'AUTH ANONYMOUS', 'AUTH PLAIN a b'],
  },
  {
    name: 'cancelled',
    steps: [
      HELLO,
      'AUTH PLAIN',
      '*',
      'AUTH LOGIN',
      '*',
      'AUTH LOGIN',
      base64('ana'),
      '*',
      'AUTH CRAM-MD5',
      '*',
      'NOOP',
    ],
  },
  {
    name: 'no base64',
    steps: [HELLO, 'AUTH PLAIN !!!', 'AUTH PLAIN', '!!!', 'AUTH LOGIN', '?', 'AUTH CRAM-MD5', '%%%', 'NOOP'],
  },
  { name: 'cut base64', steps: [HELLO, `AUTH PLAIN ${GOOD.slice(0, -3)}`, `AUTH PLAIN ${GOOD}=`, 'NOOP'] },
  {
    name: 'empty response',
    steps: [HELLO, 'AUTH PLAIN =', 'AUTH PLAIN', '', 'AUTH LOGIN', '', '', 'AUTH CRAM-MD5', '', 'NOOP'],
  },
  {
    name: 'no NUL',
    steps: [HELLO, `AUTH PLAIN ${base64('ana')}`, `AUTH PLAIN ${base64('\0ana')}`, `AUTH PLAIN ${base64('\0\0')}`],
  },
  { name: 'too many NUL', steps: [HELLO, `AUTH PLAIN ${base64(`\0ana\0${PASSWORD}\0x`)}`] },
  {
    name: 'cram without digest',
    steps: [HELLO, 'AUTH CRAM-MD5', base64('ana'), 'AUTH CRAM-MD5', base64('ana zz'), 'NOOP'],
  },
  { name: 'digest of nothing', steps: [HELLO, 'AUTH DIGEST-MD5', base64('x=y'), 'AUTH DIGEST-MD5', '', 'NOOP'] },
  {
    name: 'scram of nothing',
    steps: [HELLO, `AUTH SCRAM-SHA-1 ${base64('x')}`, 'AUTH SCRAM-SHA-1', base64('n,,n=ana'), 'NOOP'],
  },
  { name: 'a long line', steps: [HELLO, 'AUTH PLAIN', 'A'.repeat(13_000), 'NOOP'] },
  { name: 'initial response to CRAM-MD5', steps: [HELLO, `AUTH CRAM-MD5 ${base64('x')}`, 'NOOP'] },
  {
    name: 'no plain text',
    overrides: { smtpd_sasl_security_options: 'noanonymous, noplaintext' },
    steps: [HELLO, `AUTH PLAIN ${GOOD}`, 'AUTH LOGIN', 'AUTH CRAM-MD5', cram('ana', PASSWORD)],
  },
  { name: 'old clients', overrides: { broken_sasl_auth_clients: 'yes' }, steps: [HELLO] },
  {
    name: 'filtered',
    overrides: { smtpd_sasl_mechanism_filter: '!login, static:rest' },
    steps: [HELLO, 'AUTH LOGIN', '*'],
  },
  {
    name: 'nobody of this network',
    overrides: { smtpd_sasl_exceptions_networks: '127.0.0.0/8' },
    steps: [HELLO, `AUTH PLAIN ${GOOD}`],
  },
  { name: 'off', overrides: { smtpd_sasl_auth_enable: 'no' }, steps: [HELLO, `AUTH PLAIN ${GOOD}`] },
  { name: 'TLS first', overrides: { smtpd_tls_auth_only: 'yes' }, steps: [HELLO, `AUTH PLAIN ${GOOD}`] },
  {
    name: 'long answers',
    overrides: { smtpd_sasl_response_limit: '15000' },
    steps: [HELLO, 'AUTH PLAIN', 'A'.repeat(16_000), 'NOOP'],
  },
  {
    name: 'whose address',
    overrides: {
      smtpd_sender_login_maps: 'inline:{ ana@x.test=ana, eva@x.test=eva }',
      smtpd_sender_restrictions: 'reject_sender_login_mismatch',
    },
    steps: [
      HELLO,
      ...MAIL,
      'RSET',
      `AUTH PLAIN ${GOOD}`,
      ...MAIL,
      'RSET',
      'MAIL FROM:<eva@x.test>',
      'RCPT TO:<b@far.test>',
    ],
  },
]

/** Where we differ on purpose: the case, what is sent, our reply, and why. */
const ON_PURPOSE: readonly (readonly [where: RegExp, ours: RegExp, reason: string])[] = [
  [/^SCRAM-SHA-\d+, nobody: /, /^(?:334|535)/, 'Nobody learns by SCRAM which names there are.'],
  [/^empty response: AUTH PLAIN =$/, /bad protocol/, '`=` is an empty response (RFC 4954 §4).'],
  [/^empty response: $/, /bad protocol|bad syntax/, 'An empty name is nobody’s, and not asked for a password.'],
  [/^no NUL: AUTH PLAIN AAA=$/, /bad protocol/, 'A response without name and password is no fault of ours.'],
  [/^cut base64: AUTH PLAIN \S+===$/, /another step/, 'What has too much padding is no base64.'],
  [
    /^(?:cram without digest|digest of nothing): /,
    /bad protocol/,
    'What cannot be read is not called a wrong password.',
  ],
]

/** What both say: base64 of challenges is read, and what is anew each time goes. */
function masked(reply: string): string {
  const [, coded] = /^334 (\S+)$/.exec(reply) ?? []
  if (coded === undefined) return reply
  return `334 {${text64(coded)}}`
    .replace(/<[\d.]+@/, '<NONCE@')
    .replace(/nonce="[^"]*"/, 'nonce="NONCE"')
    .replace(/rspauth=\w+/, 'rspauth=RSPAUTH')
    .replace(/r=[^,]*,s=[^,]*,i=\d+/, 'r=NONCE,s=SALT,i=N')
    .replace(/\{v=.*\}/, '{v=SIGNATURE}')
}

async function speak(host: string, port: number, steps: readonly Step[]): Promise<string[]> {
  const socket = connect({ host, port, localAddress: '127.0.0.2' })
  const next = reader(socket)
  const said = [masked(await next())]
  let last = ''
  for (const step of steps) {
    socket.write(`${typeof step === 'string' ? step : step(last)}\r\n`)
    said.push(masked((last = await next())))
  }
  socket.destroy()
  return said
}

function reader(socket: Socket): () => Promise<string> {
  let text = ''
  let ended = false
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => (text += chunk))
  for (const event of ['close', 'error'] as const) socket.on(event, () => (ended = true))
  return async () => {
    for (const end = Date.now() + KEEP_MS; Date.now() < end; await new Promise((wake) => setTimeout(wake, 5))) {
      const [whole] = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*)?\n/.exec(text) ?? []
      if (whole !== undefined) {
        text = text.slice(whole.length)
        return whole.trimEnd().replaceAll('\r\n', ' / ')
      }
      if (ended) return '<closed>'
    }
    return '<silence>'
  }
}

const isMeant = (where: string, reply: string): boolean =>
  ON_PURPOSE.some(([at, ours]) => at.test(where) && ours.test(reply))

const asked = (step: Step): string => (typeof step === 'string' ? step.slice(0, 60) : '(computed)')

const reason = reasonToSkip() ?? (existsSync('/usr/sbin/saslpasswd2') ? false : 'saslpasswd2 is not installed')

test('AUTH, side by side', { skip: reason, timeout: 115_000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-auth-'))
  chmodSync(dir, 0o755)
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  writeView(dir, '127.0.0.1')
  const sasldb = join(dir, 'sasldb2')
  execFileSync('saslpasswd2', ['-c', '-p', '-f', sasldb, '-u', REALM, 'ana'], { input: PASSWORD })
  chmodSync(sasldb, 0o644)
  const world: World = {
    name: 'auth',
    mainCf: `smtpd_sasl_auth_enable = yes\nsmtpd_sasl_local_domain = $myhostname
smtpd_relay_restrictions = permit_sasl_authenticated, reject\nsmtpd_peername_lookup = no\nsmtpd_authorized_xclient_hosts =\nlogin_ban_exceptions = 127.0.0.0/8\n`,
    files: { 'sasl/smtpd.conf': `${SMTPD_CONF}sasldb_path: ${sasldb}\n` },
    indexed: [],
    sessions: CASES.map(({ name, overrides = {} }) => ({ name, overrides, steps: [] })),
  }
  const base = 22_730
  const place = (name: string): { dir: string; address: string; sinkPort: number } => ({
    dir: join(dir, name),
    address: '127.0.0.1',
    sinkPort: 9,
  })
  const postfix = await startPostfix(world, place('postfix'), base, dir)
  try {
    const postigo = await startPostigo(world, place('postigo'), base, dir, place('postfix').dir)
    try {
      const added = await run(BIN, ['account', 'add', 'ana', '-p', '-c', place('postigo').dir], {
        input: `${PASSWORD}\n`,
      })
      assert.equal(added.code, 0, added.err)
      const ports = portsOf(world, base)
      await until('Postfix listens', () => postfix.log().includes('daemon started'))
      const different: string[] = []
      for (const one of CASES) {
        const port = ports.get(JSON.stringify(one.overrides ?? {})) ?? 0
        const [theirs, ours] = await Promise.all(
          [port, port + PORT_OFFSET].map((at) => speak('127.0.0.1', at, one.steps)),
        )
        const names = ['(greeting)', ...one.steps.map(asked)]
        for (const [i, reply] of (theirs ?? []).entries())
          if (reply !== ours?.[i] && !isMeant(`${one.name}: ${names[i]}`, ours?.[i] ?? ''))
            different.push(`${one.name}: ${names[i]}\n  Postfix: ${reply}\n  Postigo: ${ours?.[i]}`)
      }
      assert.deepEqual(different, [])
    } finally {
      await postigo.stop()
    }
  } finally {
    await postfix.stop()
  }
})
