/** The mechanisms, step by step: RFC examples, refusals, and both sides against each other. */
import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import type {
  ExchangeOptions,
  SaslBackend,
  SaslChannel,
  SaslClientExchange,
  SaslExchange,
  SaslStep,
} from './contract.ts'
import { cramMd5Digest, cramMd5State } from './cram-md5.ts'
import { digestMd5Ha1s } from './digest-md5.ts'
import { mechanismNames, mechanismsBy, startClientExchange, startExchange } from './mechanisms.ts'
import { testBackend, type TestBackendOptions } from './test-backend.ts'

const channel: SaslChannel = {
  secured: true,
  exporter: Buffer.alloc(32, 9),
  certificate: { fingerprints: ['AA'], addresses: [], isVerified: false },
}
const smtp: ExchangeOptions = { service: 'smtp', hostname: 'mail.example', channel }
const users = [
  { name: 'ana', password: 'secreto' },
  { name: 'begoña', password: 'contraseña' },
  { name: 'zoë,=', password: 'пароль €' },
]

/** Sends each response in turn; the steps that came back, the exchange ending with the last. */
async function play(
  name: string,
  backend: SaslBackend,
  responses: readonly (string | Buffer | undefined)[],
  options: ExchangeOptions = smtp,
): Promise<SaslStep[]> {
  const exchange = startExchange(name, backend, options)
  assert.ok(exchange, name)
  const steps: SaslStep[] = []
  for (const response of responses)
    steps.push(await exchange.step(typeof response === 'string' ? Buffer.from(response) : response))
  return steps
}

/** A step in one line. */
function say(step: SaslStep | undefined): string {
  if (!step) return 'nothing'
  if (step.state === 'continue') return `+ ${step.challenge.toString()}`
  const last = step.finalData ? ` ${step.finalData.toString()}` : ''
  if (step.state === 'done') return `done ${step.identity.username}${last}`
  return `failed ${step.temporary ? 'for now: ' : ''}${step.reason}${last}`
}

const plainAndLogin: readonly (readonly [string, string, readonly (string | Buffer | undefined)[], string])[] = [
  ['takes name and password', 'PLAIN', ['\0ana\0secreto'], 'done ana'],
  ['asks with nothing where no initial response came', 'PLAIN', [undefined, '\0ana\0secreto'], 'done ana'],
  ['takes itself as authorization identity', 'plain', ['ana\0ana\0secreto'], 'done ana'],
  ['refuses another', 'PLAIN', ['begoña\0ana\0secreto'], 'failed authorization failure'],
  ['refuses a wrong password', 'PLAIN', ['\0ana\0x'], 'failed authentication failure'],
  ['refuses a name with the same words', 'PLAIN', ['\0nadie\0secreto'], 'failed authentication failure'],
  ['prepares the name', 'PLAIN', ['\0a\u00adna\0secreto'], 'done ana'],
  ['takes UTF-8', 'PLAIN', ['\0begoña\0contraseña'], 'done begoña'],
  ['takes nothing but UTF-8', 'PLAIN', [Buffer.from('\0ana\0\xf1', 'latin1')], 'failed bad protocol / cancel'],
  ['needs two NULs', 'PLAIN', ['ana\0secreto'], 'failed bad protocol / cancel'],
  ['needs no third', 'PLAIN', ['\0ana\0secreto\0'], 'failed bad protocol / cancel'],
  ['needs a name', 'PLAIN', ['\0\0secreto'], 'failed bad protocol / cancel'],
  ['needs a password', 'PLAIN', ['\0ana\0'], 'failed bad protocol / cancel'],
  ['has a bound', 'PLAIN', [`\0ana\0${'x'.repeat(5000)}`], 'failed bad protocol / cancel'],
  ['asks for the name', 'LOGIN', [undefined], '+ Username:'],
  ['asks for the password', 'LOGIN', [undefined, 'ana'], '+ Password:'],
  ['takes both', 'LOGIN', [undefined, 'ana', 'secreto'], 'done ana'],
  ['takes the name as initial response', 'LOGIN', ['ana', 'secreto'], 'done ana'],
  ['takes a code page', 'LOGIN', ['begoña', Buffer.from('contrase\xf1a', 'latin1')], 'done begoña'],
  ['refuses a wrong password', 'LOGIN', ['ana', 'x'], 'failed authentication failure'],
  ['needs a name', 'LOGIN', [undefined, ''], 'failed bad protocol / cancel'],
  ['takes no NUL', 'LOGIN', ['ana', 'sec\0reto'], 'failed bad protocol / cancel'],
]
for (const [title, name, responses, outcome] of plainAndLogin)
  test(`${name} ${title}`, async () => {
    assert.equal(say((await play(name, await testBackend(users), responses)).at(-1)), outcome)
  })

test('a source of passwords that is away is a temporary failure', async () => {
  const backend = await testBackend(users, { unavailable: true })
  assert.equal(say((await play('PLAIN', backend, ['\0ana\0secreto']))[0]), 'failed for now: generic failure')
})

test('an exchange is used once', async () => {
  const steps = await play('PLAIN', await testBackend(users), ['\0ana\0x', '\0ana\0secreto'])
  assert.equal(say(steps[1]), 'failed bad protocol / cancel')
})

test('CRAM-MD5: the example of RFC 2195 §2', () => {
  const challenge = Buffer.from('<1896.697170952@postoffice.reston.mci.net>')
  const digest = cramMd5Digest(cramMd5State(Buffer.from('tanstaaftanstaaf')), challenge)
  assert.equal(digest.toString('hex'), 'b913a602c7eda7a495b4e6e7334d3890')
})

test('CRAM-MD5 hashes a key longer than a block first', async () => {
  const long = { name: 'ana', password: 'x'.repeat(65) }
  const client = startClientExchange(['CRAM-MD5'], { username: 'ana', password: long.password }, { ...smtp, host: '' })
  const exchange = startExchange('CRAM-MD5', await testBackend([long]), smtp)
  const first = await exchange?.step(undefined)
  assert.ok(first?.state === 'continue' && exchange && client)
  assert.match(first.challenge.toString(), /^<[0-9]+\.[0-9]+@mail\.example>$/)
  assert.equal(say(await exchange.step(await client.step(first.challenge))), 'done ana')
})

for (const response of ['', 'ana', 'ana ', 'ana 00', ' b913a602c7eda7a495b4e6e7334d3890', `ana ${'g'.repeat(32)}`])
  test(`CRAM-MD5 cannot read ${JSON.stringify(response)}`, async () => {
    const steps = await play('CRAM-MD5', await testBackend(users), [undefined, response])
    assert.equal(say(steps[1]), 'failed bad protocol / cancel')
  })

test('CRAM-MD5 refuses a wrong digest, an unknown name, and an initial response', async () => {
  const backend = await testBackend(users)
  const zeros = '0'.repeat(32)
  for (const name of ['ana', 'nadie'])
    assert.equal(
      say((await play('CRAM-MD5', backend, [undefined, `${name} ${zeros}`]))[1]),
      'failed authentication failure',
    )
  assert.equal(say((await play('CRAM-MD5', backend, [`ana ${zeros}`]))[0]), 'failed bad protocol / cancel')
})

interface Example {
  readonly title: string
  readonly mechanism: string
  readonly user: { readonly name: string; readonly password: string }
  readonly backend: TestBackendOptions
  readonly service: string
  readonly clientNonce: string
  readonly serverNonce: string
  /** Client and server in turn, the RFC's values in our order of directives; the client begins where it speaks first. */
  readonly lines: readonly string[]
}

const examples: readonly Example[] = [
  {
    title: 'the IMAP example of RFC 2831 §4',
    mechanism: 'DIGEST-MD5',
    user: { name: 'chris', password: 'secret' },
    backend: { realm: 'elwood.innosoft.com' },
    service: 'imap',
    clientNonce: 'OA6MHXh6VqTrRk',
    serverNonce: 'OA6MG9tEQGm2hh',
    lines: [
      'nonce="OA6MG9tEQGm2hh",realm="elwood.innosoft.com",qop="auth",charset=utf-8,algorithm=md5-sess',
      'charset=utf-8,username="chris",realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",nc=00000001,' +
        'cnonce="OA6MHXh6VqTrRk",digest-uri="imap/elwood.innosoft.com",qop=auth,response=d388dad90d4bbd760a152321f2143af7',
      'rspauth=ea40f60335c427b5527b84dbabcdfffd',
    ],
  },
  {
    title: 'the ACAP example of RFC 2831 §4',
    mechanism: 'DIGEST-MD5',
    user: { name: 'chris', password: 'secret' },
    backend: { realm: 'elwood.innosoft.com' },
    service: 'acap',
    clientNonce: 'OA9BSuZWMSpW8m',
    serverNonce: 'OA9BSXrbuRhWay',
    lines: [
      'nonce="OA9BSXrbuRhWay",realm="elwood.innosoft.com",qop="auth",charset=utf-8,algorithm=md5-sess',
      'charset=utf-8,username="chris",realm="elwood.innosoft.com",nonce="OA9BSXrbuRhWay",nc=00000001,' +
        'cnonce="OA9BSuZWMSpW8m",digest-uri="acap/elwood.innosoft.com",qop=auth,response=6084c6db3fede7352c551284490fd0fc',
      'rspauth=2f0b3d7c3c2e486600ef710726aa2eae',
    ],
  },
  {
    title: 'the example of RFC 5802 §5',
    mechanism: 'SCRAM-SHA-1',
    user: { name: 'user', password: 'pencil' },
    backend: { salt: Buffer.from('QSXCR+Q6sek8bf92', 'base64') },
    service: 'imap',
    clientNonce: 'fyko+d2lbbFgONRv9qkxdawL',
    serverNonce: '3rfcNHYJY1ZVvWVs7j',
    lines: [
      'n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL',
      'r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096',
      'c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
      'v=rmF9pqV8S7suAoZWja4dJRkFsKQ=',
    ],
  },
  {
    title: 'the example of RFC 7677 §3',
    mechanism: 'SCRAM-SHA-256',
    user: { name: 'user', password: 'pencil' },
    backend: { salt: Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64') },
    service: 'imap',
    clientNonce: 'rOprNGfwEbeRWgbNEkqO',
    serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
    lines: [
      'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
      'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
      'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
    ],
  },
]

for (const example of examples)
  test(`${example.mechanism}: ${example.title}`, async () => {
    const { mechanism, user, service, clientNonce, serverNonce } = example
    const backend = await testBackend([user], example.backend)
    const server = startExchange(mechanism, backend, { service, hostname: 'x', nonce: () => serverNonce })
    const options = { service, host: 'elwood.innosoft.com', nonce: () => clientNonce }
    const client = startClientExchange([mechanism], { username: user.name, password: user.password }, options)
    assert.ok(server && client)
    const { lines, outcome } = await converse(client, server)
    assert.deepEqual(lines, example.lines)
    assert.equal(outcome?.state === 'done' && outcome.identity.username, user.name)
    assert.ok(client.complete)
  })

/** Lets both sides talk until the server is done; the lines, from the first that is not empty. */
async function converse(
  client: SaslClientExchange,
  server: SaslExchange,
): Promise<{ lines: string[]; outcome: SaslStep | undefined }> {
  const lines: string[] = client.initial ? [client.initial.toString()] : []
  let step = await server.step(client.initial)
  while (step.state === 'continue') {
    const response = await client.step(step.challenge)
    lines.push(step.challenge.toString(), response.toString())
    step = await server.step(response)
  }
  if (step.state === 'done' && step.finalData) {
    lines.push(step.finalData.toString())
    assert.equal((await client.step(step.finalData)).length, 0)
  }
  return { lines, outcome: step }
}

for (const mechanism of mechanismsBy('password'))
  for (const { name, password } of users)
    test(`${mechanism}: our client logs in as ${name}, and not with another password`, async () => {
      const backend = await testBackend(users, { realm: 'dominio "ñ"' })
      for (const [tried, state] of [
        [password, 'done'],
        [`${password}!`, 'failed'],
      ] as const) {
        const client = startClientExchange([mechanism], { username: name, password: tried }, { ...smtp, host: 'h' })
        const server = startExchange(mechanism, backend, smtp)
        assert.ok(client && server)
        const { outcome } = await converse(client, server)
        assert.equal(outcome?.state, state)
        if (outcome?.state === 'failed') assert.equal(outcome.reason, 'authentication failure')
      }
    })

const md5 = (data: string | Buffer, encoding: BufferEncoding = 'utf8'): string =>
  hash('md5', typeof data === 'string' ? Buffer.from(data, encoding) : data, 'hex')

/** A response to the challenge with nonce `N`, with some directives replaced (undefined: left out). */
async function digestResponse(changes: Record<string, string | undefined>, password = 'secreto'): Promise<string> {
  const nonce = (): string => 'N'
  const client = startClientExchange(['DIGEST-MD5'], { username: 'ana', password }, { ...smtp, host: 'h', nonce })
  const challenge = Buffer.from('nonce="N",realm="mail.example",qop="auth",charset=utf-8,algorithm=md5-sess')
  const response = (await client?.step(challenge))?.toString() ?? ''
  const changed = response.split(',').flatMap((part) => {
    const name = part.split('=')[0] ?? ''
    if (!(name in changes)) return [part]
    const value = changes[name]
    return value === undefined ? [] : [`${name}=${value}`]
  })
  const added = Object.entries(changes).filter(([name]) => !response.includes(`${name}=`))
  return [...changed, ...added.map(([name, value]) => `${name}=${value}`)].join(',')
}

const digestCases: readonly (readonly [title: string, changes: Record<string, string | undefined>, outcome: RegExp])[] =
  [
    ['takes a proper response', {}, /^done ana rspauth=[0-9a-f]{32}$/],
    ['takes qop as absent', { qop: undefined }, /^done/],
    ['takes unknown directives', { xyz: '"1"' }, /^done/],
    ['refuses another nonce', { nonce: '"M"' }, /^failed authentication failure$/],
    ['refuses a second use', { nc: '00000002' }, /^failed bad protocol/],
    ['refuses integrity, which was not offered', { qop: 'auth-int' }, /^failed bad protocol/],
    ['refuses another service', { 'digest-uri': '"imap/h"' }, /^failed authentication failure$/],
    ['refuses another host than was signed', { 'digest-uri': '"smtp/g"' }, /^failed authentication failure$/],
    ['refuses a charset that is not UTF-8', { charset: 'utf-16' }, /^failed bad protocol/],
    ['refuses an unsigned authzid', { authzid: '"ana"' }, /^failed authentication failure$/],
    ['needs a name', { username: undefined }, /^failed bad protocol/],
    ['needs a cnonce', { cnonce: undefined }, /^failed bad protocol/],
    ['needs a response', { response: undefined }, /^failed bad protocol/],
    ['needs one response', { response: `${'0'.repeat(32)},response=${'0'.repeat(32)}` }, /^failed bad protocol/],
    ['refuses a short response', { response: '00' }, /^failed authentication failure$/],
    ['refuses an unknown name', { username: '"nadie"' }, /^failed authentication failure$/],
  ]
for (const [title, changes, outcome] of digestCases)
  test(`DIGEST-MD5 ${title}`, async () => {
    const steps = await play('DIGEST-MD5', await testBackend(users), [undefined, await digestResponse(changes)], {
      ...smtp,
      nonce: () => 'N',
    })
    assert.match(say(steps[1]), outcome)
  })

test('DIGEST-MD5 answers subsequent authentication with a new challenge', async () => {
  const backend = await testBackend(users)
  const steps = await play('DIGEST-MD5', backend, [await digestResponse({ nc: '00000002' })])
  assert.match(say(steps[0]), /^\+ nonce="[^"]{24}",realm="mail.example",qop="auth"/)
})

for (const encoding of ['latin1', 'utf8'] as const)
  test(`DIGEST-MD5 takes a name in ${encoding} without charset directive`, async () => {
    const [ha1] = digestMd5Ha1s('begoña', 'mail.example', 'contraseña')
    const name = Buffer.from('begoña', encoding).toString('latin1')
    const hex = (text: Buffer): string => hash('md5', text, 'hex')
    const a1 = hex(Buffer.concat([ha1 ?? Buffer.alloc(0), Buffer.from(':N:C')]))
    const proof = hex(Buffer.from(`${a1}:N:00000001:C:auth:${md5('AUTHENTICATE:smtp/h')}`))
    const directives = `username="${name}",realm="mail.example",nonce="N",nc=00000001,cnonce="C",digest-uri="smtp/h"`
    const response = Buffer.from(`${directives},response=${proof}`, 'latin1')
    const steps = await play('DIGEST-MD5', await testBackend(users), [undefined, response], {
      ...smtp,
      nonce: () => 'N',
    })
    assert.match(say(steps[1]), /^done begoña/)
  })

test('DIGEST-MD5 takes ISO 8859-1 and UTF-8 hashes of the same name', async () => {
  const [byRule, byHabit, byGnuSasl] = digestMd5Ha1s('begoña', 'mail.example', 'contraseña')
  const mixed = Buffer.concat([Buffer.from('begoña:mail.example:'), Buffer.from('contraseña', 'latin1')])
  assert.equal(byGnuSasl?.toString('hex'), md5(mixed))
  assert.equal(byRule?.toString('hex'), md5('begoña:mail.example:contraseña', 'latin1'))
  assert.equal(byHabit?.toString('hex'), md5('begoña:mail.example:contraseña', 'utf8'))
  assert.equal(digestMd5Ha1s('ana', 'mail.example', 'secreto').length, 1)
  // Each field by itself: a password beyond ISO 8859-1 does not change how the name is written.
  const name = Buffer.from('begoña:r:', 'latin1')
  assert.equal(digestMd5Ha1s('begoña', 'r', '€')[0]?.toString('hex'), md5(Buffer.concat([name, Buffer.from('€')])))
})

const clientFirst: readonly (readonly [title: string, message: string, outcome: RegExp])[] = [
  ['takes n', 'n,,n=ana,r=abc', /^\+ r=abcS,s=AQEBAQEBAQEBAQEBAQEBAQ==,i=4096$/],
  ['takes y while no -PLUS is offered', 'y,,n=ana,r=abc', /^\+/],
  ['takes extensions', 'n,,n=ana,r=abc,x=y', /^\+/],
  ['takes an authzid', 'n,a=ana,n=ana,r=abc', /^\+/],
  ['goes on for an unknown name', 'n,,n=nadie,r=abc', /^\+ r=abcS,s=BwcHBwcHBwcHBwcHBwcHBw==,i=4096$/],
  ['binds to no channel without -PLUS', 'p=tls-exporter,,n=ana,r=abc', /e=channel-binding-not-supported$/],
  ['knows no other flag', 'x,,n=ana,r=abc', /^failed bad protocol .* e=other-error$/],
  ['knows no mandatory extension', 'n,,m=1,n=ana,r=abc', /e=extensions-not-supported$/],
  ['needs a name', 'n,,r=abc', /e=other-error$/],
  ['needs an escape to be one', 'n,,n=a=2D,r=abc', /e=invalid-username-encoding$/],
  ['refuses a name that cannot be prepared', 'n,,n=a\u0007,r=abc', /e=invalid-username-encoding$/],
  ['needs a nonce', 'n,,n=ana', /e=other-error$/],
  ['refuses blanks in a nonce', 'n,,n=ana,r=a b', /e=other-error$/],
  ['refuses nothing', '', /e=other-error$/],
  ['refuses half a header', 'n,', /e=other-error$/],
  ['refuses an authzid without a=', 'n,ana,n=ana,r=abc', /e=other-error$/],
]
for (const [title, message, outcome] of clientFirst)
  test(`SCRAM ${title}`, async () => {
    const backend = await testBackend(users)
    const steps = await play('SCRAM-SHA-256', backend, [undefined, message], { ...smtp, nonce: () => 'S' })
    assert.match(say(steps[1]), outcome)
  })

test('SCRAM takes y for a downgrade where -PLUS was offered', async () => {
  const backend = await testBackend(users)
  const steps = await play('SCRAM-SHA-1', backend, ['y,,n=ana,r=abc'], { ...smtp, plusOffered: true })
  assert.match(say(steps[0]), /e=server-does-support-channel-binding$/)
})

/** What a right client-final becomes when one thing in it is changed. */
const clientFinal: readonly (readonly [title: string, change: (final: string) => string, outcome: RegExp])[] = [
  ['takes it unchanged', (final) => final, /^done ana v=/],
  ['refuses another header', (final) => final.replace('c=biws', 'c=eSws'), /e=channel-bindings-dont-match$/],
  ['refuses another nonce', (final) => final.replace('r=', 'r=x'), /e=other-error$/],
  [
    'refuses another proof',
    (final) => final.replace(/p=..../, 'p=AAAA'),
    /^failed authentication failure e=invalid-proof$/,
  ],
  ['refuses a short proof', (final) => final.replace(/p=.*/, 'p=AAAA'), /e=invalid-proof$/],
  ['refuses what is no base64', (final) => final.replace(/p=.*/, 'p=A'), /e=invalid-encoding$/],
  ['refuses a missing proof', (final) => final.replace(/,p=.*/, ''), /e=other-error$/],
  ['refuses an extension that was not signed', (final) => final.replace(',p=', ',x=y,p='), /e=invalid-proof$/],
]
for (const [title, change, outcome] of clientFinal)
  test(`SCRAM, last message: ${title}`, async () => {
    const credentials = { username: 'ana', password: 'secreto' }
    const client = startClientExchange(['SCRAM-SHA-1'], credentials, { service: 'smtp', host: 'h' })
    const server = startExchange('SCRAM-SHA-1', await testBackend(users), smtp)
    const first = await server?.step(client?.initial)
    assert.ok(client && server && first?.state === 'continue')
    const final = (await client.step(first.challenge)).toString()
    assert.match(say(await server.step(Buffer.from(change(final)))), outcome)
  })

test('SCRAM refuses to act as another', async () => {
  const credentials = { username: 'ana', password: 'secreto', authzid: 'begoña' }
  const client = startClientExchange(['SCRAM-SHA-256'], credentials, { ...smtp, host: 'h' })
  const server = startExchange('SCRAM-SHA-256', await testBackend(users), smtp)
  assert.ok(client && server)
  assert.match(say((await converse(client, server)).outcome), /^failed authorization failure/)
})

test('any octets get a step and never an exception', async () => {
  const backend = await testBackend(users)
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...mechanismNames),
      fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 4 }),
      async (name, responses) => {
        const steps = await play(name, backend, [undefined, ...responses.map((r) => Buffer.from(r))])
        for (const step of steps) assert.notEqual(step.state, 'done')
      },
    ),
    { numRuns: 300 },
  )
})
