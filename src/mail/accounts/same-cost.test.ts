/** A refusal costs the same work for every name: counted in calls of node:crypto, for a clock tells little. */
import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { after, test } from 'node:test'

const calls = new Map<string, number>()
const COUNTED = ['pbkdf2', 'argon2', 'createHmac', 'createHash', 'hash', 'timingSafeEqual'] as const
const originals = COUNTED.map((name) => [name, crypto[name]] as const)
for (const [name, original] of originals)
  Object.assign(crypto, {
    [name]: (...args: unknown[]): unknown => {
      calls.set(name, (calls.get(name) ?? 0) + 1)
      return Reflect.apply(original, crypto, args)
    },
  })
syncBuiltinESMExports()
after(() => {
  Object.assign(crypto, Object.fromEntries(originals))
  syncBuiltinESMExports()
})
// After the counters are in their places.
const { mechanismNames, startClientExchange, startExchange } = await import('../../formats/sasl/mod.ts')
const { createSaslBackend } = await import('./sasl-backend.ts')
const { testAccounts } = await import('./test-accounts.ts')

/** Calls that a server makes to refuse one log-in; a client's are not among them. */
async function costOf(work: () => Promise<void>): Promise<string> {
  calls.clear()
  await work()
  return [...calls]
    .filter(([name]) => name !== 'timingSafeEqual')
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
}

function assertAlike(mechanism: string, costs: ReadonlyMap<string, string>): void {
  const kinds = new Set(costs.values())
  assert.equal(kinds.size, 1, `${mechanism}: ${JSON.stringify([...costs])}`)
  assert.match([...kinds].join(), /[a-z]/)
}

const families = [
  ['scram-sha-256', 'scram-sha-1', 'digest-md5', 'cram-md5'],
  ['scram-sha-256', 'argon2id'],
  ['scram-sha-256', 'apop'],
] as const

for (const kept of families)
  test(`a refusal costs the same for every name, with ${kept.join(', ')}`, async (t) => {
    const accounts = testAccounts(t, { families: kept })
    await accounts.add('plain', '', 'secreto')
    await accounts.add('latin', '', 'contraseña')
    const apps = await accounts.add('apps', '', 'secreto')
    for (const name of ['one', 'two', 'three'])
      await accounts.appPasswords.add(apps, { name, scopes: ['smtp'], expiresMs: undefined })
    const coded = await accounts.add('coded', '', 'secreto')
    await accounts.secondFactors.enable(coded.id)
    const disabled = await accounts.add('disabled', '', 'secreto')
    await accounts.setDisabled(disabled.id, true)
    const none = await accounts.add('none', '', 'secreto')
    await accounts.removePassword(none.id)
    await accounts.add('lately', '', 'secreto')
    const backend = createSaslBackend(accounts, { service: 'smtp' })
    assert.ok(await backend.verifyPassword('lately', 'secreto'), 'remembered from here on')
    const names = [
      'nobody',
      'plain',
      'latin',
      'apps',
      'apps+one',
      'apps+nothing',
      'coded',
      'disabled',
      'none',
      'lately',
    ]
    // Right where only a code is missing: nothing must tell that it is.
    const passwords = (name: string): string[] =>
      name === 'coded' ? ['wrong123456', 'secreto', 'secreto000000'] : ['wrong']
    const channel = { secured: true, exporter: Buffer.alloc(32) }
    const offered = mechanismNames.filter((name) => accounts.mechanisms().has(name))
    assert.ok(offered.includes('PLAIN'))
    for (const mechanism of offered) {
      const costs = new Map<string, string>()
      for (const name of names)
        for (const password of passwords(name)) {
          const refuse = async (): Promise<void> => {
            const client = startClientExchange(
              [mechanism],
              { username: name, password },
              { service: 'smtp', host: 'h', channel },
            )
            const server = startExchange(mechanism, backend, { service: 'smtp', hostname: 'h', channel })
            assert.ok(client && server)
            let step = await server.step(client.initial)
            while (step.state === 'continue') step = await server.step(await client.step(step.challenge))
            assert.equal(step.state, 'failed')
          }
          await refuse() // what is read from the database once is read by now
          costs.set(`${name} ${password}`, await costOf(refuse))
        }
      assertAlike(mechanism, costs)
    }
    const costs = new Map<string, string>()
    for (const name of names) {
      const ask = async (): Promise<void> => void backend.apop?.(name, '<1@h>')
      await ask()
      costs.set(name, await costOf(ask))
    }
    assertAlike('APOP', costs)
  })
