import assert from 'node:assert/strict'
import { test } from 'node:test'
import { anAddressee, settings } from './fixture.test.ts'
import { forwardPaths } from './forward-file.ts'

test('forward_expansion_filter: what an address may bring into the path of a file', () => {
  const to = anAddressee({ extension: 'a/../b', delimiter: '+' })
  const paths = (mainCf: string): string[] =>
    forwardPaths(to, { uid: 1, gid: 1, home: '/home/ana' }, settings(mainCf)).map(({ path }) => path)
  const path = 'forward_path = $home/.forward+$extension, /etc/forward/$user\n'
  assert.deepEqual(paths(path), ['/home/ana/.forward+a/../b', '/etc/forward/ana'])
  assert.deepEqual(paths(`${path}forward_expansion_filter = abcdehmno/\n`), [
    '/home/ana/.forward+a/__/b',
    '/etc/forward/ana',
  ])
})
