/** What other machines and programs say: DNS, PROXY, deflate, SASL both ways, milters, the launcher's pipe. */
import { constants, deflateRawSync } from 'node:zlib'
import { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import { encode } from 'dns-packet'
import { decodeBase64, SaslError, saslprep, startClientExchange, startExchange } from '#src/formats/sasl/mod.ts'
import { testBackend } from '#src/formats/sasl/test-backend.ts'
import { parseReply as parseDns } from '#src/io/dns/mod.ts'
import { DeflatedSocket, lastBlock } from '#src/io/net/deflated-socket.ts'
import { ProxyHeaderError, readProxyHeader } from '#src/io/net/mod.ts'
import { FrameError, FrameReader } from '#src/main/launcher/frames.ts'
import { parseRequest, RefusedError } from '#src/main/launcher/requests.ts'
import { decisionOf } from '#src/mail/policy/milter/decision.ts'
import { agreementOf } from '#src/mail/policy/milter/negotiation.ts'
import { DataCursor, packet, PacketError, PacketReader } from '#src/mail/policy/milter/packets.ts'
import { offerOf } from '#src/mail/policy/milter/protocol.ts'
import { cut, octets as octetsOf, target, type Target } from '../target.ts'

const answer = (answers: readonly object[]): Buffer =>
  encode({
    type: 'response',
    id: 7,
    flags: 0x8180,
    questions: [{ type: 'MX', name: 'x.test' }],
    // Records of several kinds; the library's union has no name for a list of any of them.
    answers: answers as never,
  })

const DNS = [
  answer([
    { type: 'MX', name: 'x.test', ttl: 60, data: { exchange: 'mx.x.test', preference: 10 } },
    { type: 'MX', name: 'x.test', ttl: 60, data: { exchange: 'mx2.x.test', preference: 20 } },
  ]),
  answer([
    { type: 'CNAME', name: 'x.test', ttl: 60, data: 'y.test' },
    { type: 'CNAME', name: 'y.test', ttl: 60, data: 'x.test' },
    { type: 'TXT', name: 'z.test', ttl: 60, data: ['a', 'b'.repeat(255)] },
    {
      type: 'SOA',
      name: 'y.test',
      ttl: 1,
      data: { mname: 'a', rname: 'b', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 1 },
    },
    {
      type: 'TLSA',
      name: 'y.test',
      ttl: 1,
      data: { usage: 3, selector: 1, matchingType: 1, certificate: Buffer.alloc(32) },
    },
  ]),
]

function readDns(octets: Buffer): unknown {
  const reply = Buffer.from(octets)
  if (reply.length >= 2) reply.writeUInt16BE(7, 0)
  return parseDns(reply, 7, { name: 'x.test', type: 'MX' })
}

/** A socket that says what it is told, and takes everything. */
class Wire extends Duplex {
  override _read(): void {}
  override _write(_octets: Buffer, _encoding: BufferEncoding, done: () => void): void {
    done()
  }
}

/** What comes out is taken, up to a bound: who stops to read must not be given more. */
async function inflate(octets: Buffer): Promise<unknown> {
  const wire = new Wire()
  // Of a socket it uses what a stream has, and two counters.
  const socket = new DeflatedSocket(wire as unknown as Socket, Buffer.alloc(0))
  let out = 0
  const ended = new Promise<string>((resolve) => {
    socket
      .on('error', () => resolve('error'))
      .on('close', () => resolve('closed'))
      .on('end', () => resolve('end'))
    socket.on('data', (piece: Buffer) => {
      if ((out += piece.length) > 1_000_000) resolve('much')
    })
  })
  wire.push(octets)
  wire.push(null)
  const how = await ended
  socket.destroy()
  wire.destroy()
  return [how, out > 0, lastBlock(octets)]
}

const deflated = (text: string): Buffer => deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH })

const backend = await testBackend([{ name: 'ana', password: 'secret' }])
const MECHANISMS = ['PLAIN', 'LOGIN', 'CRAM-MD5', 'DIGEST-MD5', 'SCRAM-SHA-1', 'SCRAM-SHA-256']

/** The first octet chooses mechanism and side; responses are lines. */
async function exchange(octets: Buffer): Promise<unknown> {
  const first = octets[0] ?? 0
  const name = MECHANISMS[first % MECHANISMS.length] ?? ''
  const lines = octets.subarray(1).toString('latin1').split('\n').slice(0, 4).map(octetsOf)
  saslprep(octets.subarray(1, 2000).toString('utf8'))
  decodeBase64(octets.toString('latin1'))
  if (first >= 128) {
    const client = startClientExchange(
      [name],
      { username: 'ana', password: 'secret' },
      { service: 'smtp', host: 'x', nonce: () => 'nonce' },
    )
    const said = []
    for (const line of lines) said.push(await client?.step(line))
    return [name, said, client?.complete]
  }
  const server = startExchange(name, backend, { service: 'smtp', hostname: 'mail.example', nonce: () => 'nonce' })
  const steps = []
  for (const line of lines) steps.push(await server?.step(line))
  const last = steps.findLast((step) => step?.state === 'done')
  if (last !== undefined && !octets.includes('secret') && !octets.includes('p=') && !octets.includes('response='))
    throw new Error('logged in without a password')
  return [name, steps.map((step) => step?.state)]
}

const OFFER = offerOf('6')

/** The first octet chooses what the answer is to. */
function readPackets(octets: Buffer): unknown {
  const reader = new PacketReader()
  const read: unknown[] = []
  for (const piece of cut(octets.subarray(1))) {
    reader.push(piece)
    for (let one = reader.take(); one !== undefined; one = reader.take())
      read.push(one.letter === 'O' && typeof OFFER !== 'string' ? agreementOf(OFFER, one.data) : answered(one))
  }
  return read
}

function answered(one: { readonly letter: string; readonly data: Buffer }): unknown {
  if ('him+-eb'.includes(one.letter)) {
    const cursor = new DataCursor(one.data)
    return [cursor.takeString(), cursor.left > 0 ? cursor.takeString() : '', cursor.end()]
  }
  const decision = decisionOf(one, 'M')
  if (decision.kind !== 'refuse' || decision.verdict.action !== 'reject') return decision.kind
  const { code } = decision.verdict.reply
  if (code < 400 || code > 599) throw new Error(`a refusal with ${code}`)
  return decision
}

function readFrames(octets: Buffer): unknown {
  const reader = new FrameReader(65_536)
  return cut(octets)
    .flatMap((piece) => reader.push(piece))
    .map(({ kind, payload }) => [kind, kind === 'request' ? parseRequest(payload) : ''])
}

const request = (words: object): Buffer => {
  const payload = Buffer.from(JSON.stringify(words))
  const head = Buffer.alloc(9)
  head.writeUInt32BE(payload.length)
  return Buffer.concat([head, payload])
}

const PROXY2 = Buffer.from('0d0a0d0a000d0a515549540a2111000c7f0000017f00000201bb0019', 'hex')

export const peerTargets: readonly Target[] = [
  target('dns', { corpus: DNS, words: ['\xc0\x0c', '\xc0\x00', '\0\x0f\0\x01', '\xff\xff', '\x3f'], read: readDns }),
  target('proxy', {
    corpus: [
      'PROXY TCP4 192.0.2.1 192.0.2.2 1000 25\r\n',
      'PROXY TCP6 ::1 ::2 1 2\r\nEHLO',
      'PROXY UNKNOWN\r\n',
      PROXY2,
    ],
    words: ['PROXY ', 'TCP4 ', ' ', '\r\n', '\x21\x11', '\x20'],
    errors: [ProxyHeaderError],
    read: readProxyHeader,
  }),
  target('deflate', {
    corpus: [deflated('a1 NOOP\r\n'.repeat(20)), deflated('x'.repeat(60_000))],
    words: ['\x03\0', '\x01\0\0\xff\xff', '\0\0\xff\xff'],
    read: inflate,
  }),
  target('sasl', {
    corpus: [
      '\0\0ana\0secret',
      '\x01\nana\nsecret',
      '\x02\nana 0123456789abcdef0123456789abcdef',
      '\x03\nusername="ana",realm="mail.example",nonce="nonce",cnonce="c",nc=00000001,qop=auth,digest-uri="smtp/x",response=0123456789abcdef0123456789abcdef',
      '\x04n,,n=ana,r=abc\nc=biws,r=abcnonce,p=AAAA',
      '\x05n,a=x,n=ana,r=abc\nc=biws,r=abcnonce,p=AAAA',
      '\x83realm="x",nonce="y",qop="auth",charset=utf-8,algorithm=md5-sess\nrspauth=00',
      '\x84r=nonceabc,s=QSXCR+Q6sek8bf92,i=4096\nv=AAAA',
      '\x82<1@x>',
    ],
    words: [
      'n=',
      'r=',
      'p=',
      'c=',
      'i=',
      '=2C',
      '=3D',
      ',',
      '"',
      'm=x,',
      '\0',
      'nonce=',
      'biws',
      '\\',
      'y,,',
      'p=tls-exporter,,',
    ],
    errors: [SaslError],
    read: exchange,
  }),
  target('milter', {
    corpus: [
      Buffer.concat([
        octetsOf('x'),
        packet('O', 6, 0x1ff, 0xfffff),
        packet('c'),
        packet('y', '550 5.7.1 no %% more'),
        packet('t'),
      ]),
      Buffer.concat([octetsOf('x'), packet('h', 'X-A', 'b'), packet('+', '<a@b>'), packet('O', 6, 0, 0, 1, 'a b {c}')]),
    ],
    words: ['\0\0\0\x01c', '\0\0\0\x05y550\0', '\0\0\0\0', '\xff\xff\xff\xff', '250 ', '%', '\n'],
    errors: [PacketError],
    read: readPackets,
  }),
  target('launcher', {
    corpus: [
      request({
        ask: 'run',
        uid: 1000,
        gid: 1000,
        argv: ['/bin/true'],
        env: { A: 'b' },
        cwd: '/',
        timeLimitMs: 1,
        outputLimit: 1,
        stdoutOnly: true,
      }),
      request({ ask: 'read', path: '/etc/x' }),
      request({ ask: 'password', user: 'a', password: 'b' }),
    ],
    words: ['"uid":0', '"../', '\\u0000', '__proto__', '{', '[', '"'],
    errors: [FrameError, RefusedError],
    read: readFrames,
  }),
]
