/** One request over HTTP with bounds on time and size; a redirect is an answer like any other. RFC 9110. */
import { request as plainRequest, type IncomingMessage } from 'node:http'
import { request as secureRequest } from 'node:https'
import type { LookupFunction } from 'node:net'
import { callbackify } from 'node:util'

export interface HttpRequest {
  readonly url: string
  readonly method?: 'GET' | 'HEAD' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
  /** PEM of the authorities that vouch for the server; the system's where there are none. */
  readonly ca?: readonly string[]
  /** Addresses of the host; without it the system is asked. */
  readonly addresses?: (host: string) => Promise<readonly string[]>
  /** Of the whole exchange. */
  readonly timeoutMs: number
  /** Of the answer's body; a longer one is an error. */
  readonly maxOctets: number
  readonly signal?: AbortSignal
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

export type SendHttp = (request: HttpRequest) => Promise<HttpAnswer>

/** Rejects with what stands in the way: the system's error, OpenSSL's, or a bound. */
export function sendHttp(request: HttpRequest): Promise<HttpAnswer> {
  const { url, method = 'GET', headers, body, ca, timeoutMs, signal } = request
  const limit = AbortSignal.timeout(timeoutMs)
  return new Promise((resolve, reject) => {
    const send = new URL(url).protocol === 'https:' ? secureRequest : plainRequest
    const sent = send(url, {
      method,
      headers: { ...headers, ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }) },
      agent: false,
      signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
      ...(ca !== undefined && { ca: [...ca] }),
      ...(request.addresses !== undefined && { lookup: lookupBy(request.addresses) }),
    })
    const fail = (error: Error): void =>
      reject(limit.aborted ? new Error('no answer in time', { cause: error }) : error)
    sent.on('error', fail)
    sent.on('response', (response) => void readBody(response, request.maxOctets).then(resolve, fail))
    sent.end(body)
  })
}

async function readBody(response: IncomingMessage, maxOctets: number): Promise<HttpAnswer> {
  const chunks: Buffer[] = []
  let octets = 0
  for await (const chunk of response) {
    const piece: Buffer = chunk // no encoding is set
    octets += piece.length
    if (octets > maxOctets) {
      response.destroy()
      throw new Error(`the answer is longer than ${maxOctets} octets`)
    }
    chunks.push(piece)
  }
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }
}

function lookupBy(addresses: (host: string) => Promise<readonly string[]>): LookupFunction {
  const find = callbackify(addresses)
  return (host, options, done) =>
    find(host, (error, found) => {
      if (error !== null) return done(error, '', 0)
      const all = found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
      const [first] = all
      if (first === undefined) done(Object.assign(new Error(`${host} has no address`), { code: 'ENOTFOUND' }), '', 0)
      else if (options.all === true) done(null, all)
      else done(null, first.address, first.family)
    })
}
