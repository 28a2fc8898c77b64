/** What tests of local delivery share: an addressee, settings, and a user that deliveries can be made as. */
import { chownSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { parseConfig } from '../../../io/config/mod.ts'
import type { Addressee } from './addressee.ts'
import type { LocalSettings } from './command.ts'
import { localParams } from './params.ts'
import type { SystemUser } from './users.ts'

export const SAFE = localParams.command_expansion_filter.default

export function anAddressee(given: Partial<Addressee>): Addressee {
  return {
    recipient: 'ana@mail.example.test',
    local: 'ana',
    user: 'ana',
    extension: '',
    delimiter: '',
    domain: 'mail.example.test',
    original: 'ana@mail.example.test',
    delivered: 'ana@mail.example.test',
    sender: 'sender@else.test',
    client: undefined,
    saslUsername: '',
    ...given,
  }
}

export function settings(mainCf = ''): LocalSettings {
  return parseConfig(`myhostname = mail.example.test\n${mainCf}`, new Map()).bind(localParams)
}

/** Any user but root: root does not deliver as root. */
const NOBODY = 65_534

/** A user with a home that is gone when the test ends: the tests' own, or nobody where that is root. */
export function aUser(t: TestContext, name = 'ana'): SystemUser {
  const home = mkdtempSync(join(tmpdir(), 'postigo-home-'))
  t.after(() => rmSync(home, { recursive: true }))
  const own = process.getuid?.() ?? NOBODY
  if (own !== 0) return { name, uid: own, gid: process.getgid?.() ?? NOBODY, home, shell: '/bin/sh' }
  chownSync(home, NOBODY, NOBODY)
  return { name, uid: NOBODY, gid: NOBODY, home, shell: '/bin/sh' }
}
