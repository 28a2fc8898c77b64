/** docs/parameters.md and the classes of Postfix's parameters. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { classOf, countClasses, postfixParameter, postfixParameters } from '#src/io/config/mod.ts'
import { allParams } from '#src/main/registry.ts'
import { PAGE, parametersPage } from '../tools/parameters.ts'

/** The names of a page's rows by section. */
function rowsOf(page: string): Map<string, string> {
  const rows = new Map<string, string>()
  let section = ''
  for (const line of page.split('\n')) {
    if (line.startsWith('## ')) section = line.slice(3)
    const [, name] = /^\| `(\S+)` \|/.exec(line) ?? []
    if (name !== undefined) rows.set(name, section)
  }
  return rows
}

test('docs/parameters.md has every parameter of Postfix, and promises nothing that is not so', () => {
  const page = rowsOf(readFileSync(PAGE, 'utf8'))
  const fresh = rowsOf(parametersPage())
  for (const { name } of postfixParameters) assert.ok(page.has(name), `${name}: run node tools/parameters.ts`)
  for (const [name, section] of page) {
    if (section !== 'Honoured') continue
    const now = fresh.get(name)
    assert.ok(now === 'Honoured', `${name} is ${now ?? 'gone'}, not honoured: run node tools/parameters.ts`)
  }
})

test('each parameter of Postfix stands in one section, that of its class', () => {
  const rows = rowsOf(parametersPage())
  const sections = { honoured: 'Honoured', 'without-effect': 'Without effect', 'not-supported': 'Not supported yet' }
  for (const { name } of postfixParameters) {
    const { kind } = classOf(name, allParams())
    assert.ok(kind !== 'old' && kind !== 'unknown', name)
    assert.equal(rows.get(name), sections[kind], name)
  }
})

test('a parameter of Postfix keeps what its `$` forms mean', () => {
  for (const [name, { kind }] of allParams()) {
    const known = postfixParameter(name)
    if (known !== undefined) assert.equal(kind === 'raw', known.kind === 'raw', name)
  }
})

test('parameters that are not supported only grow fewer', () => {
  const { notSupported } = countClasses(allParams())
  assert.ok(notSupported.length <= 30, `${notSupported.length}: ${notSupported.join(' ')}`)
})
