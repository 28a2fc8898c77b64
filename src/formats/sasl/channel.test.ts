/** Mechanisms that rest on the connection: channel binding and its downgrade, certificates, tokens. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BearerVerdict, ExchangeOptions, SaslBackend, SaslChannel, SaslStep } from './contract.ts'
import { SaslUnavailable } from './errors.ts'
import { mechanismNames, startClientExchange, startExchange, usableMechanisms } from './mechanisms.ts'
import { testBackend } from './test-backend.ts'

const service = { service: 'smtp', hostname: 'mail.example', host: 'mail.example' }
const ana = { username: 'ana', password: 'secreto' }
const users = [{ name: 'ana', password: 'secreto' }]
const exporter = Buffer.alloc(32, 1)
const tls: SaslChannel = { secured: true, exporter }

const channels: readonly (readonly [title: string, channel: SaslChannel, missing: string])[] = [
  ['in clear', { secured: false }, 'SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS EXTERNAL OAUTHBEARER XOAUTH2'],
  ['over TLS 1.2', { secured: true }, 'SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS EXTERNAL'],
  ['over TLS 1.3', tls, 'EXTERNAL'],
  ['with a certificate', { ...tls, certificate: { fingerprints: [], addresses: [], isVerified: false } }, ''],
]
for (const [title, channel, missing] of channels)
  test(`${title} there are no ${missing === '' ? 'mechanisms missing' : missing}`, async () => {
    const usable = usableMechanisms(mechanismNames, channel)
    assert.equal(mechanismNames.filter((name) => !usable.includes(name)).join(' '), missing)
    const backend = await testBackend(users)
    for (const name of mechanismNames)
      assert.equal(startExchange(name, backend, { ...service, channel }) !== undefined, usable.includes(name), name)
  })

/** Runs our client against our server, each with its own sight of the connection and of the offer. */
async function meet(
  offered: readonly string[],
  client: SaslChannel,
  server: Partial<ExchangeOptions>,
): Promise<{ mechanism: string | undefined; said: string; step: SaslStep | undefined }> {
  const one = startClientExchange(offered, ana, { ...service, channel: client })
  const other = startExchange(one?.mechanism ?? '', await testBackend(users), { ...service, ...server })
  let step = await other?.step(one?.initial)
  while (step?.state === 'continue') step = await other?.step(await one?.step(step.challenge))
  if (step?.state === 'done' && step.finalData) await one?.step(step.finalData)
  return { mechanism: one?.mechanism, said: one?.initial?.toString().slice(0, 20) ?? '', step }
}

const ALL = mechanismNames
const cut = ALL.filter((name) => !name.endsWith('-PLUS'))
const meetings: readonly (readonly [
  title: string,
  offered: readonly string[],
  client: SaslChannel,
  server: Partial<ExchangeOptions>,
  chosen: string,
  flag: string,
  ends: string,
])[] = [
  ['bound', ALL, tls, { channel: tls, plusOffered: true }, 'SCRAM-SHA-256-PLUS', 'p=tls-exporter', 'done'],
  [
    'a client that cannot bind',
    cut,
    { secured: true },
    { channel: tls, plusOffered: true },
    'SCRAM-SHA-256',
    'n',
    'done',
  ],
  ['a server that cannot', cut, tls, { channel: { secured: true } }, 'SCRAM-SHA-256', 'y', 'done'],
  [
    '-PLUS cut out of the offer',
    cut,
    tls,
    { channel: tls, plusOffered: true },
    'SCRAM-SHA-256',
    'y',
    'e=server-does-support-channel-binding',
  ],
  [
    'somebody between two connections',
    ALL,
    tls,
    { channel: { secured: true, exporter: Buffer.alloc(32, 2) }, plusOffered: true },
    'SCRAM-SHA-256-PLUS',
    'p=tls-exporter',
    'e=channel-bindings-dont-match',
  ],
]
for (const [title, offered, client, server, chosen, flag, ends] of meetings)
  test(`SCRAM: ${title}`, async () => {
    const { mechanism, said, step } = await meet(offered, client, server)
    assert.equal(mechanism, chosen)
    assert.ok(said.startsWith(`${flag},`), said)
    assert.equal(step?.state === 'failed' ? step.finalData?.toString() : step?.state, ends)
  })

const plusFirst: readonly (readonly [message: string, error: string])[] = [
  ['n,,n=ana,r=abc', 'e=other-error'],
  ['y,,n=ana,r=abc', 'e=other-error'],
  ['p=tls-unique,,n=ana,r=abc', 'e=unsupported-channel-binding-type'],
  ['p=,,n=ana,r=abc', 'e=other-error'],
]
for (const [message, error] of plusFirst)
  test(`SCRAM-SHA-256-PLUS refuses ${message}`, async () => {
    const exchange = startExchange('SCRAM-SHA-256-PLUS', await testBackend(users), { ...service, channel: tls })
    const step = await exchange?.step(Buffer.from(message))
    assert.equal(step?.state === 'failed' && step.finalData?.toString(), error)
  })

/** ana, by her certificate; by the token `good`, and `away` as if the issuer were. */
async function backend(): Promise<SaslBackend> {
  const refusal = { scope: 'mail', configuration: 'https://id.example/c', why: 'expired' } as const
  return {
    ...(await testBackend(users)),
    external: async ({ fingerprints }) => (fingerprints.includes('AA') ? { accountId: 1, username: 'ana' } : undefined),
    bearer: async (token): Promise<BearerVerdict> => {
      if (token === 'away') throw new SaslUnavailable('issuer away')
      if (token === 'narrow') return { status: 'insufficient_scope', ...refusal }
      return token === 'good'
        ? { identity: { accountId: 1, username: 'ana' } }
        : { status: 'invalid_token', ...refusal }
    },
  }
}

const INVALID = '{"status":"invalid_token","scope":"mail","openid-configuration":"https://id.example/c"}'
const OLD = '{"status":"401","schemes":"bearer","scope":"mail"}'
const X = '\x01'
const FAILED = 'failed authentication failure'
const exchanges: readonly (readonly [mechanism: string, fingerprint: string, said: readonly string[], ends: string])[] =
  [
    ['EXTERNAL', 'AA', [''], 'done ana'],
    ['EXTERNAL', 'AA', ['ana'], 'done ana'],
    ['EXTERNAL', 'AA', ['eva'], 'failed authorization failure'],
    ['EXTERNAL', 'AA', ['an\0a'], 'failed bad protocol / cancel'],
    ['EXTERNAL', 'BB', [''], FAILED],
    ['EXTERNAL', 'BB', ['ana'], FAILED],
    ['OAUTHBEARER', '', [`n,,${X}auth=Bearer good${X}${X}`], 'done ana'],
    ['OAUTHBEARER', '', [`n,a=ana,${X}host=h${X}port=587${X}auth=bearer good${X}${X}`], 'done ana'],
    ['OAUTHBEARER', '', [`n,a=eva,${X}auth=Bearer good${X}${X}`], 'failed authorization failure (a token of ana)'],
    ['OAUTHBEARER', '', [`n,a=ana,${X}auth=Bearer bad${X}${X}`], `+ ${INVALID}`],
    ['OAUTHBEARER', '', [`n,a=ana,${X}auth=Bearer bad${X}${X}`, X], `${FAILED} (expired)`],
    ['OAUTHBEARER', '', [`n,,${X}auth=Bearer bad${X}${X}`, `n,,${X}auth=Bearer good${X}${X}`], `${FAILED} (expired)`],
    [
      'OAUTHBEARER',
      '',
      [`n,,${X}auth=Bearer narrow${X}${X}`],
      `+ ${INVALID.replace('invalid_token', 'insufficient_scope')}`,
    ],
    ['OAUTHBEARER', '', [`n,,${X}auth=Bearer away${X}${X}`], 'failed for now generic failure (issuer away)'],
    ['OAUTHBEARER', '', [`n,,${X}${X}`], `+ ${INVALID}`],
    ['OAUTHBEARER', '', [`p=tls-exporter,,${X}auth=Bearer good${X}${X}`], 'failed bad protocol / cancel'],
    ['OAUTHBEARER', '', [`n,,${X}auth=Bearer good${X}`], 'failed bad protocol / cancel'],
    ['OAUTHBEARER', '', [`n,,${X}auth=Bearer bad${X}auth=Bearer good${X}${X}`], 'failed bad protocol / cancel'],
    ['OAUTHBEARER', '', [`n,,${X}auth=Basic good${X}${X}`], 'failed bad protocol / cancel'],
    ['OAUTHBEARER', '', [`n,,${X}auth=Bearer go od${X}${X}`], 'failed bad protocol / cancel'],
    ['OAUTHBEARER', '', [`n,,${X}auth=Bearer ${'x'.repeat(13_000)}${X}${X}`], 'failed bad protocol / cancel'],
    ['OAUTHBEARER', '', [''], 'failed bad protocol / cancel'],
    ['XOAUTH2', '', [`user=ana${X}auth=Bearer good${X}${X}`], 'done ana'],
    ['XOAUTH2', '', [`user=eva${X}auth=Bearer good${X}${X}`], 'failed authorization failure (a token of ana)'],
    ['XOAUTH2', '', [`user=ana${X}auth=Bearer bad${X}${X}`], `+ ${OLD}`],
    ['XOAUTH2', '', [`user=ana${X}auth=Bearer bad${X}${X}`, ''], `${FAILED} (expired)`],
    ['XOAUTH2', '', [`auth=Bearer good${X}user=ana${X}${X}`], 'failed bad protocol / cancel'],
  ]
for (const [mechanism, fingerprint, said, ends] of exchanges)
  test(`${mechanism}${fingerprint}: ${JSON.stringify(said).slice(0, 90)} ends in ${ends}`, async () => {
    const certificate = { fingerprints: [fingerprint], addresses: [], isVerified: false }
    const channel = { ...tls, certificate }
    const exchange = startExchange(mechanism, await backend(), { ...service, channel })
    let step: SaslStep | undefined
    for (const words of said) step = await exchange?.step(Buffer.from(words))
    assert.equal(sayOf(step), ends)
  })

function sayOf(step: SaslStep | undefined): string {
  if (step?.state === 'continue') return `+ ${step.challenge.toString()}`
  if (step?.state === 'done') return `done ${step.identity.username}`
  if (step === undefined) return 'nothing'
  const { temporary, reason, detail } = step
  return `failed ${temporary ? 'for now ' : ''}${reason}${detail === undefined ? '' : ` (${detail})`}`
}
