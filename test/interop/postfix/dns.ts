/** A DNS server on a loopback address: it answers from a zone, and fails for what is under `fail.test`. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import {
  AUTHENTIC_DATA,
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  type Answer,
  type Question,
  type TlsaData,
} from 'dns-packet'

export interface TestDns {
  readonly port: number
  stop(): void
}

const SERVFAIL = 2
const NXDOMAIN = 3
const TTL_S = 60

/** One line a record: `name type value`; names under `fail.test` have none and fail. */
export function parseZone(text: string): readonly Answer[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [name = '', type = '', ...words] = line.split(/\s+/)
      return answer(name, type, words)
    })
}

function answer(name: string, type: string, words: readonly string[]): Answer {
  const [first = '', second = ''] = words
  const common = { name, ttl: TTL_S }
  if (type === 'TLSA') return { ...common, type, data: tlsaOf(words) }
  if (type === 'MX') return { ...common, type, data: { preference: Number(first), exchange: second } }
  if (type === 'TXT') return { ...common, type, data: words.join(' ') }
  if (type === 'A' || type === 'AAAA' || type === 'NS' || type === 'CNAME' || type === 'PTR')
    return { ...common, type, data: first }
  throw new Error(`zone: ${type} is not known`)
}

function tlsaOf([usage, selector, matchingType, hex = '']: readonly string[]): TlsaData {
  const certificate = Buffer.from(hex, 'hex')
  return { usage: Number(usage), selector: Number(selector), matchingType: Number(matchingType), certificate }
}

/** @param isSecure whose answers bear the AD bit; @param port 0: a free one */
export async function startDns(
  address: string,
  zone: readonly Answer[],
  isSecure: IsSecure = () => false,
  port = 53,
): Promise<TestDns> {
  const socket = createSocket('udp4')
  socket.on('message', (octets, from) => socket.send(replyTo(octets, zone, isSecure), from.port, from.address))
  socket.bind(port, address)
  await once(socket, 'listening')
  return { port: socket.address().port, stop: () => socket.close() }
}

type IsSecure = (name: string, type: string) => boolean

function replyTo(octets: Buffer, zone: readonly Answer[], isSecure: IsSecure): Buffer {
  const query = decode(octets)
  const question = query.questions?.[0]
  const found = question === undefined ? [] : lookUp(question, zone)
  const name = question?.name.toLowerCase() ?? ''
  const failed = /(^|\.)fail\.test$/.test(name)
  const known = zone.some((record) => record.name === name || record.name.endsWith(`.${name}`))
  const rcode = failed ? SERVFAIL : known ? 0 : NXDOMAIN
  return encode({
    type: 'response',
    id: query.id ?? 0,
    flags: AUTHORITATIVE_ANSWER | 0x0180 | rcode | (isSecure(name, question?.type ?? '') ? AUTHENTIC_DATA : 0), // RD and RA
    questions: question === undefined ? [] : [question],
    answers: failed ? [] : found,
  })
}

/** The records of a name, behind its alias where it has one. */
function lookUp(question: Question, zone: readonly Answer[]): Answer[] {
  const of = (name: string): Answer[] => zone.filter((record) => record.name === name.toLowerCase())
  const own = of(question.name)
  const alias = own.find((record) => record.type === 'CNAME')
  if (alias?.type !== 'CNAME') return own.filter((record) => record.type === question.type)
  return [alias, ...of(alias.data).filter((record) => record.type === question.type)]
}
