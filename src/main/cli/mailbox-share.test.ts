/** postigo mailbox list, create, delete, rename, acl, seen: each line a command on one data directory. */
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { ANYONE, SHARED_ACCOUNT } from '../../mail/store/mod.ts'
import { ACCOUNT, openTestStore } from '../../mail/store/testing.ts'
import type { OpenedStore } from './accounts-port.ts'
import { mailboxShare } from './mailbox-share.ts'

const BEA = 9
const people = [
  { id: ACCOUNT, localPart: 'ana', domain: '' },
  { id: BEA, localPart: 'bea', domain: 'x.test' },
]

/** A command's code and what it said. */
async function host(t: TestContext) {
  const world = await openTestStore(t)
  const accounts = {
    find: (name: string) =>
      people.find(({ localPart, domain }) => [localPart, `${localPart}@${domain}`].includes(name)),
    byId: (id: number) => people.find((one) => one.id === id),
  }
  const opened = { accounts, store: world.store, close: () => {} } as unknown as OpenedStore // all that is used of it
  const command = mailboxShare(() => Promise.resolve(opened))
  const run = async (line: string): Promise<{ code: number; out: string; err: string }> => {
    const said = { out: '', err: '' }
    const code = await command(line.split(' '), {
      stdin: new PassThrough(),
      out: (text) => void (said.out += text),
      err: (text) => void (said.err += text),
      env: { MAIL_CONFIG: '/nowhere' },
      cwd: '/',
      tty: false,
    })
    return { code, ...said }
  }
  return { store: world.store, run }
}

test('shared mailboxes are made, given and taken away', async (t) => {
  const { store, run } = await host(t)
  const table: readonly (readonly [line: string, code: number, out: string, err?: RegExp])[] = [
    ['create Info/News', 0, ''],
    ['create Info/News', 73, '', /There is a mailbox of that name/],
    ['acl Info/News bea@x.test write', 0, ''],
    ['acl Info/News anyone read', 0, ''],
    ['acl Info/News ana t --deny', 0, ''],
    ['list', 0, 'Info  \nInfo/News  anyone lrs, bea@x.test lrswipkxtecd, -ana td\n'],
    ['acl Info/News anyone +a', 0, ''],
    ['acl Info/News bea@x.test none', 0, ''],
    ['acl Info/News ana none --deny', 0, ''],
    ['acl Info/News', 0, 'anyone  lrsa\n'],
    ['acl Info/News --json', 0, '[{"who":"anyone","rights":"lrsa"}]\n'],
    ['rename Info/News Info/Noticias', 0, ''],
    ['acl Info/News', 66, '', /there is no mailbox Info\/News/],
    ['delete Info/Noticias', 0, ''],
    ['list', 0, 'Info  \n'],
    ['acl None anyone read', 66, '', /No such mailbox/],
    ['acl INBOX --user ana', 0, 'ana  lrswipkxteacd\n'],
    ['acl INBOX bea@x.test append --user ana', 0, ''],
    ['acl INBOX --user ana', 0, 'ana  lrswipkxteacd\nbea@x.test  lrsip\n'],
    ['acl INBOX bea@x.test l --user ana', 0, ''],
    ['acl INBOX bea@x.test +read --user ana', 0, ''],
    ['acl INBOX --user ana', 0, 'ana  lrswipkxteacd\nbea@x.test  lrs\n'],
    ['acl INBOX bea@x.test +none --user ana', 64, '', /\+none: no rights/],
    ['acl INBOX bea@x.test append --user ana', 0, ''],
    ['acl INBOX --user nobody', 67, '', /there is no account nobody/],
    ['acl INBOX nobody read --user ana', 67, '', /there is no account nobody/],
    ['acl INBOX bea@x.test lrQ --user ana', 64, '', /lrQ: no rights/],
    ['seen INBOX shared --user ana', 0, ''],
    ['seen INBOX often --user ana', 64, '', /seen is shared or private/],
    ['list Info', 64, '', /list takes 0 words/],
    ['create x --deny', 64, '', /create has no option --deny/],
    ['mend x', 64, '', /unknown subcommand: mend/],
  ]
  for (const [line, code, out, err = /^$/] of table) {
    const said = await run(line)
    assert.equal(said.code, code, `${line}: ${said.err}`)
    assert.equal(said.out, out, line)
    assert.match(said.err, err, line)
  }
  assert.equal(store.rights(ACCOUNT, 'INBOX', BEA), 'lrsip')
  assert.equal(String(store.annotation(ACCOUNT, 'INBOX', '/shared/vendor/cmu/cyrus-imapd/sharedseen')), 'true')
  assert.equal(
    store.grants(SHARED_ACCOUNT, 'Info')?.some(({ grantee }) => grantee === ANYONE),
    false,
  )
})
