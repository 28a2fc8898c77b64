import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failureOf } from './outcome.ts'

test('the end of a command is what Postfix makes of it', () => {
  const exited = (status: number, output = ''): string => {
    const f = failureOf({ ended: 'exited', status, output: Buffer.from(output) }, 'cmd')
    return f === undefined ? 'sent' : `${f.dsn} ${f.status} ${f.text}`
  }
  // As Postfix 3.7.11 wrote them.
  const table: [number, string, string][] = [
    [0, 'noise', 'sent'],
    [75, 'hi\n', '4.3.0 deferred temporary failure. Command output: hi '],
    [1, '', '5.3.0 bounced Command died with status 1: "cmd"'],
    [1, '4.2.1 wait a bit\n', '4.2.1 deferred wait a bit '],
    [75, '2.2.2 odd\n', '5.0.0 bounced odd '],
    [67, '', '5.1.1 bounced user unknown'],
    [77, 'a\nb\n', '5.7.0 bounced permission denied. Command output: a b '],
    [
      127,
      'sh: 1: x: not found\n',
      '5.3.0 bounced Command died with status 127: "cmd". Command output: sh: 1: x: not found ',
    ],
  ]
  for (const [status, output, expected] of table) assert.equal(exited(status, output), expected, `${status} ${output}`)
  const output = Buffer.alloc(0)
  assert.deepEqual(failureOf({ ended: 'killed', signal: 9, output }, 'kill -9 $$'), {
    status: 'deferred',
    dsn: '4.3.0',
    text: 'Command died with signal 9: "kill -9 $$"',
  })
  assert.deepEqual(failureOf({ ended: 'timeout', output }, 'sleep 20'), {
    status: 'bounced',
    dsn: '5.3.0',
    text: 'Command time limit exceeded: "sleep 20"',
  })
})
