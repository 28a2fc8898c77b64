import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DnsAnswer, DnsRecord, Resolver } from './contract.ts'
import { filteredResolver } from './reply-filter.ts'
import { searched } from './search.ts'

const found = (...records: DnsRecord[]): DnsAnswer => ({ status: 'ok', records, ttlSeconds: 60, secure: false })
const a = (value: string, more: Partial<DnsRecord> = {}): DnsRecord => ({ type: 'A', value, ttlSeconds: 60, ...more })

test('a filter sees records written out, and drops those it ignores', async () => {
  const [seen, told]: [string[], string[]] = [[], []]
  const answers: Readonly<Record<string, DnsAnswer>> = {
    'a.test A': found(a('192.0.2.1'), a('192.0.2.2', { name: 'b.test' })),
    'a.test MX': found({ type: 'MX', value: 'mx.test', preference: 10, ttlSeconds: 5 }),
    'a.test TXT': found({ type: 'TXT', value: 'some text', ttlSeconds: 5 }),
    'a.test TLSA': found({ type: 'TLSA', value: '3 1 1 ab', ttlSeconds: 5 }),
    'a.test SRV': found({ type: 'SRV', value: 'h.test', preference: 1, weight: 2, port: 587, ttlSeconds: 5 }),
    'gone.test A': found(a('192.0.2.66')),
    'odd.test A': found(a('192.0.2.67')),
    'away.test A': found(a('192.0.2.68')),
  }
  const dns = filteredResolver(
    { query: (name, type) => Promise.resolve(answers[`${name} ${type}`]) } as Resolver, // questions only
    {
      parameter: 'x_filter',
      told: (severity, text) => void told.push(severity === 'warning' ? `warning: ${text}` : text),
      find(record) {
        seen.push(record)
        if (record.endsWith('.68')) return Promise.reject(new Error('table away'))
        if (record.endsWith('.67')) return Promise.resolve('reject')
        return Promise.resolve(/\.2$|\.66$/.test(record) ? 'ignore it' : undefined)
      },
    },
  )
  const values = async (name: string, type: 'A' | 'MX' | 'TXT' | 'TLSA' | 'SRV'): Promise<unknown> => {
    const answer = await dns.query(name, type)
    if (answer.status === 'failed') return `${answer.filtered === true}: ${answer.reason}`
    return answer.status === 'ok' ? answer.records.map((record) => record.value) : answer.status
  }
  assert.deepEqual(await values('a.test', 'A'), ['192.0.2.1'])
  for (const type of ['MX', 'TXT', 'TLSA', 'SRV'] as const) await values('a.test', type)
  const reason = (name: string, why: string): string => `Error looking up name=${name} type=A: ${why}`
  assert.equal(await values('gone.test', 'A'), `true: ${reason('gone.test', 'DNS reply filter drops all results')}`)
  for (const name of ['odd.test', 'away.test'])
    assert.equal(await values(name, 'A'), `false: ${reason(name, 'Invalid DNS reply filter syntax')}`)
  assert.deepEqual(seen.slice(0, 6), [
    'a.test. 60 IN A 192.0.2.1',
    'b.test. 60 IN A 192.0.2.2',
    'a.test. 5 IN MX 10 mx.test.',
    'a.test. 5 IN TXT some text',
    'a.test. 5 IN TLSA 3 1 1 ab',
    'a.test. 5 IN SRV 1 2 587 h.test.',
  ])
  assert.deepEqual(told, [
    'ignoring DNS RR: b.test. 60 IN A 192.0.2.2',
    'ignoring DNS RR: gone.test. 60 IN A 192.0.2.66',
    'warning: x_filter: unknown DNS filter action: "reject"',
    'warning: x_filter: table away',
  ])
})

test('search lists: which names are asked, in what order', async () => {
  const none = { defaultDomain: false, searchList: false }
  const [names, list] = [
    { defaultDomain: true, searchList: false },
    { defaultDomain: true, searchList: true },
  ]
  const table: [name: string, rules: typeof none, asked: string][] = [
    ['mail', none, 'mail'],
    ['mail', names, 'mail.a.test mail'],
    ['mail', list, 'mail.a.test mail.b.test mail'],
    ['mail', { defaultDomain: false, searchList: true }, 'mail'],
    ['mail.', list, 'mail.'],
    ['mx.far', names, 'mx.far'],
    ['mx.far', list, 'mx.far mx.far.a.test mx.far.b.test'],
    ['mx.far.', list, 'mx.far.'],
  ]
  for (const [name, rules, expected] of table) {
    const asked: string[] = []
    await searched(name, ['a.test', 'b.test'], rules, (one) => {
      asked.push(one)
      return Promise.resolve({ status: 'nxdomain', secure: false })
    })
    assert.equal(asked.join(' '), expected, `${name} ${JSON.stringify(rules)}`)
  }
  const answer = await searched('mail', ['a.test', 'b.test'], list, (name) =>
    Promise.resolve(name === 'mail.b.test' ? found(a('192.0.2.1')) : { status: 'failed', reason: 'SERVFAIL' }),
  )
  assert.equal(answer.status === 'ok' && answer.records[0]?.name, 'mail.b.test')
})
