import assert from 'node:assert/strict'
import { test } from 'node:test'
import { saysTlsNotRequired } from './tls-required.ts'

test('TLS-Required counts in the header section, with the one value that there is', () => {
  const table: [message: string, expected: boolean][] = [
    ['TLS-Required: No\r\n\r\nbody', true],
    ['Subject: x\r\ntls-required:no\r\nTo: y\r\n\r\nbody', true],
    ['TLS-Required:\r\n No\r\n\r\n', true],
    ['Subject: x\nTLS-Required: No\n\nbody', true],
    ['TLS-Required: Yes\r\n\r\n', false],
    ['TLS-Required: No way\r\n\r\n', false],
    ['X-TLS-Required: No\r\n\r\n', false],
    ['Subject: x\r\n\r\nTLS-Required: No\r\n', false],
    ['Subject: x\r\n TLS-Required: No\r\n\r\n', false],
    ['TLS-Required: No\r\nSubject: cut', true],
    ['', false],
  ]
  for (const [message, expected] of table) assert.equal(saysTlsNotRequired(Buffer.from(message)), expected, message)
})
