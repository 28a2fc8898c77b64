/** PAM with services of the test's own. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { makeSystemUser, withoutRoot } from '../support/system-user.ts'
import { Answerer } from '../../src/main/launcher/answers.ts'
import { unpackAnswer } from '../../src/main/launcher/frames.ts'
import { askPam } from '../../src/main/launcher/pam.ts'

function service(t: TestContext, kind: string, auth: string, account: string): string {
  const name = `postigo-test-${process.pid}-${kind}`
  writeFileSync(`/etc/pam.d/${name}`, `auth required ${auth}.so nodelay\naccount required ${account}.so\n`)
  t.after(() => rmSync(`/etc/pam.d/${name}`))
  return name
}

test('pam_service: the service says who is let in', { skip: withoutRoot ?? false }, async (t) => {
  const { name } = makeSystemUser(t)
  execFileSync('chpasswd', { input: `${name}:cl ave ñ` })
  const directory = mkdtempSync(join(tmpdir(), 'postigo-pam-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const ask = async (pamService: string, user: string, password: string): Promise<boolean> => {
    writeFileSync(join(directory, 'main.cf'), `pam_service = ${pamService}\n`)
    const answerer = new Answerer({ directory, ownerUid: 65_534, nowMs: Date.now })
    const { facts } = unpackAnswer(await answerer.answer({ ask: 'password', user, password }, nothing()))
    return typeof facts === 'object' && facts !== null && 'right' in facts && facts.right === true
  }
  const unix = service(t, 'unix', 'pam_unix', 'pam_unix')
  const cases: readonly (readonly [pamService: string, user: string, password: string, right: boolean])[] = [
    [unix, name, 'cl ave ñ', true],
    [unix, name, '', false],
    [unix, 'root', 'x', false],
    ['', name, 'cl ave ñ', true],
    [service(t, 'any', 'pam_permit', 'pam_permit'), name, 'whatever', true],
    [service(t, 'over', 'pam_permit', 'pam_deny'), name, 'cl ave ñ', false],
    [service(t, 'all', 'pam_permit', 'pam_permit'), 'root', 'whatever', false],
    [service(t, 'none', 'pam_permit', 'pam_permit'), 'nosuchuser', 'whatever', false],
    ['', name, 'whatever', false],
  ]
  for (const [pamService, user, password, right] of cases)
    assert.equal(await ask(pamService, user, password), right, `${pamService} ${user} ${password}`)
  execFileSync('chage', ['-d', '0', name])
  assert.equal(await ask(unix, name, 'cl ave ñ'), false, 'to be changed first')
  assert.equal(await ask('', name, 'cl ave ñ'), false, 'to be changed first')
})

async function* nothing(): AsyncGenerator<Buffer> {}

test('a service is a name, and no path', async () => {
  for (const name of ['../shadow', '/etc/pam.d/su', '', '.', 'a b'])
    await assert.rejects(askPam(name, 'x', 'y'), /no name/)
})
