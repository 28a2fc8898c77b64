/**
 * Cyrus's saslauthd: a name and password go to its socket, `OK` or `NO` comes back. By hand from its protocol: four
 * strings, each with its length in 16 bits before it; one string is the answer.
 */
import { connect } from 'node:net'
import { SaslUnavailable } from '../../formats/sasl/mod.ts'
import { splitAddress } from './names.ts'

/** A daemon that asks PAM or LDAP may take a while, and PAM waits on purpose after a wrong password. */
const TIME_LIMIT_MS = 30_000
/** saslauthd reads no longer field (its MAX_REQ_LEN); it would hang up. */
const FIELD_MAX_OCTETS = 256
const ANSWER_MAX_OCTETS = 1024

export interface SaslauthdRequest {
  readonly username: string
  readonly password: string
  /** `smtp`, `imap` …: the PAM service. */
  readonly service: string
}

/** The request's octets; undefined when no saslauthd would take it. */
export function printRequest({ username, password, service }: SaslauthdRequest): Buffer | undefined {
  // As Cyrus's library: what is behind the last @ goes as the realm.
  const { localPart, domain = '' } = splitAddress(username)
  const fields = [localPart, password, service, domain].map((field) => Buffer.from(field))
  // It reads C strings.
  if (fields.some((field) => field.length > FIELD_MAX_OCTETS || field.includes(0))) return undefined
  return Buffer.concat(fields.flatMap((field) => [lengthOf(field), field]))
}

function lengthOf(field: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(field.length)
  return length
}

/** Whether saslauthd knows this password. Throws SaslUnavailable when it is away, silent or speaks otherwise. */
export async function askSaslauthd(
  path: string,
  request: SaslauthdRequest,
  timeLimitMs = TIME_LIMIT_MS,
): Promise<boolean> {
  const octets = printRequest(request)
  if (!octets) return false
  const answer = await exchange(path, octets, timeLimitMs)
  if (answer.startsWith('OK')) return true
  if (answer.startsWith('NO')) return false
  throw new SaslUnavailable(`saslauthd ${path}: answer is neither OK nor NO`)
}

function exchange(path: string, request: Buffer, timeLimitMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = Buffer.alloc(0)
    const socket = connect(path)
    const fail = (why: string): void => {
      socket.destroy()
      reject(new SaslUnavailable(`saslauthd ${path}: ${why}`))
    }
    const timer = setTimeout(() => fail('no answer in time'), timeLimitMs)
    socket.on('error', (error) => fail(error.message))
    socket.on('end', () => fail('hung up'))
    socket.on('close', () => clearTimeout(timer))
    socket.on('data', (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk])
      const length = answer.length < 2 ? ANSWER_MAX_OCTETS : answer.readUInt16BE()
      if (answer.length >= 2 + length) {
        resolve(answer.toString('latin1', 2, 2 + length))
        socket.destroy()
      } else if (answer.length > ANSWER_MAX_OCTETS) fail('answer too long')
    })
    socket.write(request)
  })
}
