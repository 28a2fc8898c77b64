/** docs/security.md names tests and targets of fuzzing that there are, and leaves no file of attacks out. */
import assert from 'node:assert/strict'
import { globSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { targets } from '../fuzz/targets/mod.ts'

const ROOT = join(import.meta.dirname, '../..')
const page = readFileSync(join(ROOT, 'docs/security.md'), 'utf8')

test('each test that the threat model names is there', () => {
  const named = [...page.matchAll(/`((?:attacks|imap|mail|process|interop|src)\/[\w./*-]+)`/g)].map(
    ([, name = '']) => name,
  )
  const tests = named.filter((name) => !name.startsWith('src/') || name.endsWith('.test.ts'))
  assert.ok(tests.length > 50)
  for (const name of tests) {
    const pattern = name.startsWith('src/') ? name : `test/${name}.test.ts`
    assert.ok(globSync(pattern, { cwd: ROOT }).length > 0, name)
  }
  for (const file of readdirSync(import.meta.dirname).filter((name) => name.endsWith('.test.ts')))
    if (file !== 'page.test.ts') assert.ok(page.includes(`\`attacks/${file.slice(0, -'.test.ts'.length)}\``), file)
})

test('each target of fuzzing that it names is there', () => {
  const lists = [...page.matchAll(/fuzz ((?:`[\w*-]+`(?:, )?)+)/g)].flatMap(([, list = '']) => [
    ...list.matchAll(/`([\w*-]+)`/g),
  ])
  const named = lists.map(([, name = '']) => name)
  assert.ok(named.length > 15)
  for (const name of named) {
    const form = new RegExp(`^${RegExp.escape(name).replace('\\*', '.*')}$`)
    assert.ok(
      targets.some((target) => form.test(target.name)),
      name,
    )
  }
})
