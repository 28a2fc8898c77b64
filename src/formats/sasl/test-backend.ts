/** Backend of the tests: users with their passwords, verifiers made on the spot. */
import type { SaslBackend, SaslIdentity, ScramHash, ScramKeys } from './contract.ts'
import { cramMd5Digest, cramMd5States } from './cram-md5.ts'
import { digestMd5Ha1s } from './digest-md5.ts'
import { SaslUnavailable } from './errors.ts'
import { saslprep } from './saslprep.ts'
import { scramKeys } from './scram-keys.ts'

export interface TestUser {
  readonly name: string
  readonly password: string
}

export interface TestBackendOptions {
  readonly realm?: string
  readonly salt?: Buffer
  readonly unavailable?: boolean
}

const NOBODYS: ScramKeys = {
  salt: Buffer.alloc(16, 7),
  iterations: 4096,
  storedKey: Buffer.alloc(20),
  serverKey: Buffer.alloc(20),
}

export async function testBackend(
  users: readonly TestUser[],
  { realm = 'mail.example', salt = Buffer.alloc(16, 1), unavailable = false }: TestBackendOptions = {},
): Promise<SaslBackend> {
  const keys = new Map<string, ScramKeys>()
  for (const { name, password } of users)
    for (const by of ['sha-1', 'sha-256'] satisfies ScramHash[])
      keys.set(`${by} ${name}`, await scramKeys(saslprep(password) ?? password, salt, 4096, by))
  const find = (name: string): TestUser | undefined => users.find((user) => user.name === name)
  const identify = (user: TestUser | undefined): SaslIdentity | undefined =>
    user && { accountId: users.indexOf(user) + 1, username: user.name }
  return {
    realm,
    async verifyPassword(name, password) {
      if (unavailable) throw new SaslUnavailable('test: nobody to ask')
      const user = find(name)
      return user?.password === password ? identify(user) : undefined
    },
    scram: (name, by) => ({ ...(keys.get(`${by} ${name}`) ?? NOBODYS), identity: identify(find(name)) }),
    digestMd5(name, asked) {
      const user = find(name)
      return { ha1s: digestMd5Ha1s(name, asked, user?.password ?? ''), identity: identify(user) }
    },
    cramMd5(name, challenge) {
      const states = cramMd5States(find(name)?.password ?? '')
      return { digests: states.map((state) => cramMd5Digest(state, challenge)), identity: identify(find(name)) }
    },
    mayActAs: (identity, authzid) => identity.username === authzid,
  }
}
