/** One request, and what ends it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import { test, type TestContext } from 'node:test'
import { sendHttp } from './https.ts'
import { selfSigned } from './self-signed.ts'

async function serve(
  t: TestContext,
  listener: RequestListener,
): Promise<{ readonly port: number; readonly ca: string }> {
  const { cert, key } = selfSigned(['web.test'], Date.now())
  const server = createServer({ cert, key }, listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close().closeAllConnections())
  const at = server.address()
  assert.ok(typeof at === 'object' && at !== null)
  return { port: at.port, ca: cert }
}

test('bounds on time and size, names and authorities, and no redirect is followed', async (t) => {
  const { port, ca } = await serve(t, ({ url, method }, response) => {
    if (url === '/redirect') response.writeHead(302, { location: '/body' }).end()
    else if (url === '/silent') return
    else if (url === '/drops') response.write('x')
    else response.end(method === 'POST' ? 'posted' : 'x'.repeat(1000))
  })
  const asked: string[] = []
  const addresses = (host: string): Promise<readonly string[]> => {
    asked.push(host)
    return Promise.resolve(host === 'nowhere.test' ? [] : ['127.0.0.1'])
  }
  const send = (path: string, more = {}): Promise<string> =>
    sendHttp({
      url: `https://web.test:${port}${path}`,
      addresses,
      ca: [ca],
      timeoutMs: 20_000,
      maxOctets: 1000,
      ...more,
    })
      .then(({ status, body }) => `${status} ${body.length}`)
      .catch((error: unknown) => (error instanceof Error ? error.message : ''))
  assert.equal(await send('/body'), '200 1000')
  assert.deepEqual(asked, ['web.test'])
  assert.equal(await send('/body', { method: 'POST', body: 'ñ' }), '200 6')
  assert.equal(await send('/body', { maxOctets: 999 }), 'the answer is longer than 999 octets')
  assert.equal(await send('/redirect'), '302 0')
  for (const path of ['/silent', '/drops'])
    assert.equal(await send(path, { timeoutMs: 300 }), 'no answer in time', path)
  assert.match(await send('/body', { url: `https://other.test:${port}/` }), /altnames/)
  assert.match(await send('/body', { ca: [] }), /self.signed/)
  assert.match(await send('/body', { url: 'https://nowhere.test/' }), /nowhere\.test has no address/)
  assert.match(await send('/silent', { signal: AbortSignal.abort() }), /aborted/)
})
