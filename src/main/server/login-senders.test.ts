/** Cases of Postfix's own test of login_sender_match(3), and more. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../io/config/mod.ts'
import { createTables } from '../../io/tables/mod.ts'
import { allParams } from '../registry.ts'
import { maySendAs } from './login-senders.ts'
import { submissionParams } from './submission-params.ts'

async function may(setting: string, name: string | undefined, sender: string): Promise<boolean> {
  const config = parseConfig(`recipient_delimiter = +-\n${setting}\n`, allParams())
  return maySendAs({ uid: 1234, name }, sender, { config, tables: createTables() }, config.bind(submissionParams))
}

test('who may send as whom', async () => {
  assert.equal(await may('', 'anybody', 'anything@else.test'), true)
  const some =
    'local_login_sender_maps = inline:{root=*, {foo = foo,Foo@example.com}, bar=<>, {dom = @example.com}, {q = "a b"@example.com}, uid:1234=num }'
  const table: [name: string | undefined, sender: string, expected: boolean][] = [
    ['root', 'anything', true],
    ['root', '', true],
    ['toor', 'anything', false],
    ['foo', 'foo', true],
    ['foo', 'foo@example.com', true],
    ['foo', 'FOO+bar@example.com', true],
    ['foo', 'bar@example.com', false],
    ['foo', '', false],
    ['dom', 'anyone@Example.com', true],
    ['dom', 'anyone@example.org', false],
    ['dom', '@example.com', true],
    ['bar', '', true],
    ['bar', '<>', false],
    [undefined, 'num', true],
    [undefined, 'other', false],
  ]
  for (const [name, sender, expected] of table)
    assert.equal(await may(some, name, sender), expected, `${name} ${sender}`)
  const named = `${some}\nempty_address_local_login_sender_maps_lookup_key = nobody`
  assert.equal(await may(named, 'bar', ''), false)
  assert.equal(await may(named.replace('bar=<>', 'bar=nobody'), 'bar', ''), true)
  await assert.rejects(may('local_login_sender_maps = inline:{root=*}, fail:sorry', 'baz', 'x'))
  assert.equal(await may('local_login_sender_maps = inline:{root=*}, fail:sorry', 'root', 'x'), true)
})
