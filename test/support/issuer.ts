/** An OpenID issuer on a loopback port: discovery, keys, introspection, and tokens of any kind. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { exportJWK, type GenerateKeyPairResult, generateKeyPair, SignJWT } from 'jose'

export const AUDIENCE = 'mail'
export const CLIENT = { id: 'postigo', secret: 'client:secret' }

export interface TestIssuer {
  readonly url: string
  /** Paths asked for so far. */
  readonly asked: string[]
  /** Opaque tokens, and what the issuer says of them. */
  readonly opaque: Map<string, object>
  /** A token for ana, good for an hour, with some claims as given; undefined takes one away. */
  token(claims?: Record<string, unknown>): Promise<string>
  /** Signs with another key from now on; true: and says so. */
  changeKey(publish: boolean): Promise<void>
  /** Answers with status 500 to everything. */
  down: boolean
}

export async function startIssuer(t: Pick<TestContext, 'after'>): Promise<TestIssuer> {
  const keys: { readonly kid: string; readonly pair: GenerateKeyPairResult }[] = []
  const shown: object[] = []
  const changeKey = async (publish: boolean): Promise<void> => {
    const kid = `k${keys.length}`
    const pair = await generateKeyPair('ES256')
    keys.push({ kid, pair })
    if (publish) shown.push({ ...(await exportJWK(pair.publicKey)), kid, alg: 'ES256', use: 'sig' })
  }
  await changeKey(true)
  const asked: string[] = []
  const opaque = new Map<string, object>()
  const issuer: TestIssuer = { url: '', asked, opaque, token, changeKey, down: false }
  async function token(claims: Record<string, unknown> = {}): Promise<string> {
    const now = Math.floor(Date.now() / 1000)
    const usual = {
      iss: issuer.url,
      aud: AUDIENCE,
      exp: now + 3600,
      email: 'ana@mail.example.test',
      scope: 'openid mail',
    }
    const last = keys.at(-1)
    if (last === undefined) throw new Error('no key')
    return new SignJWT({ ...usual, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: last.kid })
      .sign(last.pair.privateKey)
  }
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    const documents: Record<string, object> = {
      '/.well-known/openid-configuration': {
        issuer: issuer.url,
        jwks_uri: `${issuer.url}/keys`,
        introspection_endpoint: `${issuer.url}/introspect`,
      },
      '/keys': { keys: shown },
    }
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      const words = Buffer.from(`${CLIENT.id}:${encodeURIComponent(CLIENT.secret)}`).toString('base64')
      const isKnown = request.headers.authorization === `Basic ${words}`
      const token = new URLSearchParams(body).get('token') ?? ''
      const document =
        request.url === '/introspect' && isKnown && request.method === 'POST'
          ? (opaque.get(token) ?? { active: false })
          : documents[request.url ?? '']
      response.writeHead(issuer.down ? 500 : document === undefined ? 404 : 200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(document))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo // it listens on TCP
  return Object.assign(issuer, { url: `http://127.0.0.1:${port}` })
}
