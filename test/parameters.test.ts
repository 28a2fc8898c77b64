/** The classes of Postfix's parameters. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countClasses, postfixParameter } from '#src/io/config/mod.ts'
import { allParams } from '#src/main/registry.ts'

test('a parameter of Postfix keeps what its `$` forms mean', () => {
  for (const [name, { kind }] of allParams()) {
    const known = postfixParameter(name)
    if (known !== undefined) assert.equal(kind === 'raw', known.kind === 'raw', name)
  }
})

test('every parameter of Postfix is in one of the classes', () => {
  const { honoured, withoutEffect, notSupported } = countClasses(allParams())
  assert.ok(
    honoured > 250 && withoutEffect.length > 200,
    `${honoured} honoured, ${withoutEffect.length} without effect`,
  )
  assert.ok(notSupported.length < 350, `${notSupported.length} not supported`)
})
