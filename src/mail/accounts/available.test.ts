/** A mechanism is offered only where every source of passwords that is switched on can do it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mechanismsBy } from '../../formats/sasl/mod.ts'
import { availableMechanisms, type SaslBackendOptions } from './sasl-backend.ts'

type Sources = Omit<SaslBackendOptions, 'service'>

const ALL = mechanismsBy('password').join(' ')
const system = async (): Promise<boolean> => false
const none = { knows: async (): Promise<boolean> => false }
const conf = (...sources: ('accounts' | 'saslauthd')[]): Sources => ({ conf: { sources, saslauthdPath: '' } })
const certificates = { namesOf: async (): Promise<[]> => [] }
const tokens = {
  check: async (): Promise<{ name: string }> => ({ name: '' }),
  refusal: (): never => assert.fail(),
}

const table: readonly (readonly [title: string, sources: Sources, accounts: string, offered: string])[] = [
  ['accounts with all verifiers', {}, ALL, ALL],
  ['accounts of which one has a hash alone', {}, 'PLAIN LOGIN', 'PLAIN LOGIN'],
  ['accounts without DIGEST-MD5', {}, 'PLAIN LOGIN SCRAM-SHA-256', 'PLAIN LOGIN SCRAM-SHA-256'],
  ['accounts and saslauthd', conf('accounts', 'saslauthd'), ALL, 'PLAIN LOGIN'],
  ['saslauthd alone', conf('saslauthd'), '', 'PLAIN LOGIN'],
  ['accounts and system users', { system }, ALL, 'PLAIN LOGIN'],
  ['accounts and a directory', { directories: none }, ALL, 'PLAIN LOGIN'],
  ['accounts and certificates', { certificates }, ALL, `${ALL} EXTERNAL`],
  ['accounts and tokens', { tokens }, ALL, `${ALL} OAUTHBEARER XOAUTH2`],
  [
    'a directory, certificates and tokens',
    { directories: none, certificates, tokens },
    ALL,
    'PLAIN LOGIN EXTERNAL OAUTHBEARER XOAUTH2',
  ],
]
for (const [title, sources, accounts, offered] of table)
  test(`${title}: ${offered}`, () => {
    const known = { mechanisms: () => new Set(accounts.split(' ')) }
    assert.equal([...availableMechanisms(known, sources)].join(' '), offered)
  })
