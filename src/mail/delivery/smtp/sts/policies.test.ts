/** When a policy is asked for, when it is fetched, and what holds where it cannot be. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock } from '#src/base/mod.ts'
import { openDatabase } from '../../../../io/db/mod.ts'
import type { DnsAnswer } from '../../../../io/dns/mod.ts'
import type { HttpAnswer } from '../../../../io/net/mod.ts'
import { deliverySchema } from '../../local/drops/journal.ts'
import { stsCache } from './cache.ts'
import { StsPolicies } from './policies.ts'

const DAY_MS = 86_400_000

const policyText = (mode: string, maxAge = 604_800): string =>
  `version: STSv1\nmode: ${mode}\nmx: mail.far.test\nmax_age: ${maxAge}\n`

const txt = (value: string): DnsAnswer => ({
  status: 'ok',
  records: [{ type: 'TXT', value, ttlSeconds: 1 }],
  ttlSeconds: 1,
  secure: false,
})

interface World {
  id: string | undefined
  answer: () => Partial<HttpAnswer> | Error
  readonly asked: string[]
  readonly notes: string[]
  readonly clock: ReturnType<typeof manualClock>
  /** The mode that holds, or the trouble, or both. */
  readonly find: () => Promise<string>
  readonly restart: () => void
}

function worldOf(t: { after(then: () => void): void }): World {
  const db = openDatabase({ path: ':memory:', schemas: [deliverySchema] })
  t.after(() => db.close())
  const clock = manualClock()
  const make = (): StsPolicies => new StsPolicies({ cache: stsCache(db), send, now: () => clock.now() })
  const send = ({ url }: { url: string }): Promise<HttpAnswer> => {
    world.asked.push(url)
    const answer = world.answer()
    if (answer instanceof Error) return Promise.reject(answer)
    const headers = { 'content-type': 'text/plain; charset=utf-8' }
    return Promise.resolve({ status: 200, headers, body: Buffer.from(policyText('enforce')), ...answer })
  }
  let policies = make()
  const question = {
    dns: {
      query: (): Promise<DnsAnswer> =>
        Promise.resolve(
          world.id === undefined ? { status: 'nxdomain', secure: false } : txt(`v=STSv1; id=${world.id}`),
        ),
      addresses: () => Promise.resolve({ status: 'none' } as const),
    },
    ca: [],
    note: (text: string) => void world.notes.push(text),
  }
  const world: World = {
    id: 'one',
    answer: () => ({}),
    asked: [],
    notes: [],
    clock,
    async find() {
      const { policy, trouble } = await policies.find('far.test', question)
      return [policy?.mode, trouble].filter((word) => word !== undefined).join(' ')
    },
    restart: () => void (policies = make()),
  }
  return world
}

test('a policy is fetched once for each id, and outlives a restart and its record', async (t) => {
  const world = worldOf(t)
  assert.equal(await world.find(), 'enforce')
  assert.equal(await world.find(), 'enforce')
  assert.deepEqual(world.asked, ['https://mta-sts.far.test/.well-known/mta-sts.txt'])
  world.restart()
  world.id = undefined // taken away by somebody on the way to DNS
  assert.equal(await world.find(), 'enforce')
  world.clock.advance(7 * DAY_MS)
  assert.equal(await world.find(), '')
  world.id = 'two'
  world.answer = () => ({ body: Buffer.from(policyText('none')) })
  assert.equal(await world.find(), '')
  assert.equal(world.asked.length, 2)
})

test('a policy in use is fetched anew each day beside the mail, and a failure leaves it', async (t) => {
  const world = worldOf(t)
  await world.find()
  world.clock.advance(DAY_MS)
  world.answer = () => ({ status: 503 })
  assert.equal(await world.find(), 'enforce')
  assert.equal(world.asked.length, 2)
  await new Promise(setImmediate)
  assert.equal(await world.find(), 'enforce')
  assert.equal(world.asked.length, 2) // five minutes are not over
  world.clock.advance(300_000)
  world.answer = () => ({ body: Buffer.from(policyText('testing')) })
  assert.equal(await world.find(), 'enforce')
  await new Promise(setImmediate)
  assert.equal(await world.find(), 'testing')
})

test('what is no policy, in the words of reports, and what holds then', async (t) => {
  const rows: readonly (readonly [Partial<HttpAnswer> | Error, string])[] = [
    [{ status: 404 }, 'sts-policy-fetch-error'],
    [{ status: 301, headers: { location: 'https://elsewhere.test/' } }, 'sts-policy-fetch-error'],
    [new Error('no answer in time'), 'sts-policy-fetch-error'],
    [Object.assign(new Error('x'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }), 'sts-webpki-invalid'],
    [Object.assign(new Error('x'), { code: 'CERT_HAS_EXPIRED' }), 'sts-webpki-invalid'],
    [{ headers: { 'content-type': 'text/html' } }, 'sts-policy-invalid'],
    [{ body: Buffer.from('version: STSv1\n') }, 'sts-policy-invalid'],
  ]
  for (const [answer, trouble] of rows) {
    const world = worldOf(t)
    world.answer = () => answer
    assert.equal(await world.find(), trouble)
    assert.equal(await world.find(), trouble)
    assert.equal(world.asked.length, 1)
    assert.equal(world.notes.length, 1)
    world.answer = () => ({})
    world.id = 'another'
    assert.equal(await world.find(), 'enforce')
    world.id = 'third'
    world.answer = () => answer
    assert.equal(await world.find(), `enforce ${trouble}`)
  }
})

test('mail that comes at one time fetches a policy once', async (t) => {
  const world = worldOf(t)
  const found = await Promise.all(Array.from({ length: 20 }, () => world.find()))
  assert.deepEqual(new Set(found), new Set(['enforce']))
  assert.equal(world.asked.length, 1)
})
