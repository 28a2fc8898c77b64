/** docs/imap.md says what docs/standards.tsv says, and the server advertises nothing that is not held. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { IMAP_PAGE, imapExtensions, imapPage } from '../tools/imap.ts'
import { dialogue } from './support/imap.ts'
import { startServer } from './support/server.ts'

test('the table of docs/imap.md is that of docs/standards.tsv', () => {
  assert.equal(readFileSync(IMAP_PAGE, 'utf8'), imapPage(), 'run node tools/imap.ts')
})

test('each extension stands in one line', () => {
  const all = imapExtensions().flatMap(({ words: names }) => names)
  assert.deepEqual(
    all.filter((name, i) => all.indexOf(name) !== i),
    [],
  )
})

test('what is held has a test, and there is one', () => {
  for (const { rfc, state, test: path } of imapExtensions()) {
    if (state === 'not yet') assert.equal(path, '', rfc)
    else assert.ok(path !== '' && existsSync(join(import.meta.dirname, '..', path)), `${rfc}: ${path}`)
  }
})

/** Held whole, of a standard that is not: the page says what is missing of that. */
const NOT_WHOLE: ReadonlySet<string> = new Set(['URL-PARTIAL', 'I18NLEVEL=1', 'I18NLEVEL=2'])

/** Without values that differ from server to server; those of log-ins and TLS are the base standard's. */
const words = (capability: string): string[] =>
  capability
    .trim()
    .split(' ')
    .filter((word) => !/^(?:AUTH=.*|STARTTLS|LOGINDISABLED)$/.test(word))
    .map((word) => word.replace(/^(APPENDLIMIT|MESSAGELIMIT|SAVELIMIT)=\d+$/, '$1'))

test('the server advertises what is held, and all of that', async (t) => {
  // Of SAVELIMIT and MESSAGELIMIT one is said; QUOTASET to administrators.
  const advertised = new Set<string>()
  for (const limit of ['save', 'message']) {
    const mainCf = `imapd_${limit}_limit = 5000\nimapd_admin_users = ana\n`
    const server = await startServer(t, { accounts: ['ana'], mainCf })
    const { greeting } = await dialogue(t, server.port('imap'), 'ana')
    for (const [, text = ''] of greeting.matchAll(/[*[] ?CAPABILITY ([^\]\r]+)[\]\r]/g))
      for (const word of words(text)) advertised.add(word)
  }
  const states = new Map(imapExtensions().flatMap(({ words: names, state }) => names.map((name) => [name, state])))
  for (const word of advertised) {
    const state = states.get(word)
    assert.ok(state === 'whole' || (state === 'part' && NOT_WHOLE.has(word)), `${word} is ${state}`)
  }
  for (const [word, state] of states) assert.equal(advertised.has(word), state !== 'not yet', word)
})
