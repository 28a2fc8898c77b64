/** A policy over a main.cf in the test, and sessions to ask it about. DNS is a zone in the test. */
import { type Clock, systemClock } from '../../base/mod.ts'
import type { DnsAnswer, DnsType, Resolver } from '../../io/dns/mod.ts'
import { createTables } from '../../io/tables/mod.ts'
import { createRouter } from '../routing/mod.ts'
import { testDeps, type Given } from '../routing/fixture.test.ts'
import type { Policy, SessionFacts, Verdict } from './contract.ts'
import { createPolicy } from './policy.ts'
import type { PolicyDeps } from './rules.ts'

export type Zone = Readonly<Record<string, Readonly<Partial<Record<DnsType, readonly string[]>>>>>

/** Answers from `zone`; names ending in `.fail.test` cannot be asked. An MX is written without preference. */
export function testDns(zone: Zone, asked: string[] = []): Resolver {
  const query = async (name: string, type: DnsType): Promise<DnsAnswer> => {
    asked.push(`${name} ${type}`)
    if (/(^|\.)fail\.test$/.test(name)) return { status: 'failed', reason: 'SERVFAIL' }
    const entry = zone[name.toLowerCase()]
    if (entry === undefined) return { status: 'nxdomain', secure: false }
    const values = entry[type]
    if (values === undefined) return { status: 'nodata', secure: false }
    const records = values.map((value) => ({ type, value, ttlSeconds: 60, preference: 10 }))
    return { status: 'ok', records, ttlSeconds: 60, secure: false }
  }
  return {
    query,
    addresses: async (host) => {
      const answer = await query(host, 'A')
      if (answer.status === 'ok') return { status: 'ok', addresses: answer.records.map((r) => r.value) }
      return answer.status === 'failed' ? answer : { status: 'none' }
    },
    clientName: async () => ({
      name: 'unknown',
      reverseName: 'unknown',
      nameStatus: 'permanent',
      reverseStatus: 'permanent',
    }),
    close: () => {},
  }
}

export interface PolicyGiven extends Given {
  readonly zone?: Zone
  readonly asked?: string[]
  readonly clock?: Clock
  readonly ports?: Pick<PolicyDeps, 'mailboxFull' | 'probe' | 'greylist'>
}

export function testPolicy(mainCf: string, given: PolicyGiven = {}): Policy {
  const deps = testDeps(`dnsbl_self_test = no\n${mainCf}`, given)
  const tables = createTables()
  const router = createRouter({ ...deps, tables })
  return createPolicy({
    config: deps.config,
    tables,
    router,
    dns: testDns(given.zone ?? {}, given.asked),
    clock: given.clock ?? systemClock,
    ...given.ports,
  })
}

/** What differs from a well-behaved client. */
export interface Asked {
  readonly address?: string
  /** `-`: there is none for good; `?`: it cannot be found out. */
  readonly name?: string
  readonly reverseName?: string
  readonly helo?: string
  readonly sender?: string
  readonly recipient?: string
  readonly login?: string
  readonly facts?: Partial<SessionFacts>
}

export function facts(asked: Asked = {}): SessionFacts {
  const { name = 'client.good.test' } = asked
  const status = name === '-' ? 'permanent' : name === '?' ? 'temporary' : 'ok'
  const known = status === 'ok' ? name : 'unknown'
  return {
    client: {
      address: asked.address ?? '192.0.2.50',
      port: 1025,
      name: known,
      reverseName: asked.reverseName ?? known,
      nameStatus: status,
    },
    helo: asked.helo ?? 'client.good.test',
    protocol: 'ESMTP',
    tls: undefined,
    sasl: asked.login === undefined ? undefined : { method: 'PLAIN', username: asked.login, sender: '' },
    sender: asked.sender ?? 'ana@good.test',
    recipient: asked.recipient ?? 'u@mail.example.com',
    recipientCount: 0,
    sizeOctets: 1000,
    queueId: undefined,
    ...asked.facts,
  }
}

/** `554 5.7.1 text`, or `OK`. */
export function said(verdict: Verdict): string {
  const { reply } = verdict
  return reply === undefined ? 'OK' : `${reply.code} ${reply.enhanced} ${reply.lines.join('|')}`
}
