import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { selfSigned } from '../../../io/net/mod.ts'
import { FileCache } from './file-cache.ts'
import { clientSettingsOf } from './fixture.test.ts'
import { TlsFiles } from './tls-files.ts'

test('a context is made once, and anew where a file or a choice is another', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tls-files-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const file = join(dir, 'ca.pem')
  const { cert, key } = selfSigned(['a.test'], Date.now())
  writeFileSync(file, cert)
  const files = new TlsFiles()
  const cf = clientSettingsOf({ smtp_tls_CAfile: file })
  const choices = { minVersion: 'TLSv1.2' } as const
  const first = files.context(cf, choices)
  assert.equal(files.context(cf, choices), first)
  assert.notEqual(files.context(cf, { minVersion: 'TLSv1.3' }), first)
  assert.notEqual(files.context(clientSettingsOf({}), choices), first)
  utimesSync(file, 1, 1)
  assert.notEqual(files.context(cf, choices), first)
  const other = selfSigned(['a.test'], Date.now())
  const pair = (keyText: string): (() => unknown) => {
    const handed = new Map([
      ['/c', cert],
      ['/k', keyText],
    ])
    const own = clientSettingsOf({ smtp_tls_cert_file: '/c', smtp_tls_key_file: '/k' })
    return () => new TlsFiles(() => handed).context(own, choices)
  }
  assert.doesNotThrow(pair(key)) // read by the launcher, for this process may not
  assert.throws(pair(other.key), /key values mismatch/)
})

test('what is kept is bounded, the oldest goes first', () => {
  const cache = new FileCache(2, () => '')
  let made = 0
  const get = (key: string): number => cache.get(key, [], () => ++made)
  assert.deepEqual(['a', 'b', 'a', 'c', 'b', 'a'].map(get), [1, 2, 1, 3, 2, 4])
  assert.throws(() =>
    cache.get('d', ['x'], () => {
      throw new Error('no')
    }),
  )
})
