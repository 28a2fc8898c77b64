import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ExpandError } from '../../../io/config/mod.ts'
import { addresseeOf, fillIn } from './addressee.ts'
import { anAddressee, SAFE } from './fixture.test.ts'

test('$names are filled in, filtered, and told from those that are missing', () => {
  const rights = { uid: 1, gid: 1, home: '/home/ana', shell: '/bin/sh' }
  const to = anAddressee({ extension: 'a;b', delimiter: '+', local: 'ana+a;b' })
  const plain = anAddressee({})
  const table: [string, typeof to, string, boolean, boolean][] = [
    ['$home/.forward${recipient_delimiter}${extension}', to, '/home/ana/.forward+a_b', false, true],
    ['$home/.forward${recipient_delimiter}${extension}', plain, '/home/ana/.forward', true, true],
    ['$home/.forward${extension?+$extension}', plain, '/home/ana/.forward', false, false],
    ['$home/.forward${extension?{+$extension}:{-none}}', to, '/home/ana/.forward+a_b', false, true],
    ['$(user)/${domain}', plain, 'ana/mail.example.test', false, false],
    ['/var/$nosuch', plain, '/var/', true, false],
  ]
  for (const [template, who, text, missing, withExtension] of table)
    assert.deepEqual(fillIn(template, who, rights, SAFE), { text, missing, withExtension }, template)
  assert.throws(() => fillIn('${home', plain, rights, SAFE), ExpandError)
})

test('an address becomes user and extension as local(8) cuts it', () => {
  const cf = { recipient_delimiter: '+', owner_request_special: true, double_bounce_sender: 'double-bounce' }
  const cut = (address: string): string => {
    const job = { sender: '', client: undefined, saslUsername: '' }
    const to = addresseeOf(job, { id: 1, address, original: '', transport: 'local', nexthop: '' }, cf)
    return [to.local, to.user, to.extension].join(' ')
  }
  assert.equal(cut('Ana+News@x.test'), 'ana+news ana news')
  assert.equal(cut('ana@x.test'), 'ana ana ')
  assert.equal(cut('ana+../x@x.test'), 'ana ana ')
})
