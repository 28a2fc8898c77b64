import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseShadow } from './shadow.ts'

const HASH = '$y$j9T$salt$hash'
/** The hundredth day, shortly before it ends. */
const NOW = 100 * 86_400_000 + 86_399_000

const cases: readonly (readonly [rest: string, isExpired: boolean])[] = [
  [':::::::', false],
  ['90:0:99999:7:::', false],
  ['90:0:10:7:::', false], // the last day
  ['89:0:10:7:::', true],
  ['89:0:10:7:5::', true], // inactive days are for changing it, which mail cannot
  ['0:0:99999:7:::', true], // must be changed at the first log-in
  ['120:0:10:7:::', false], // a clock that went back
  ['90::::::', false],
  ['90:0:-1:7:::', false],
  [':0:10::::', false],
  ['90:0:99999:7::101:', false],
  ['90:0:99999:7::100:', true],
]
for (const [rest, isExpired] of cases)
  test(`shadow ${rest} is ${isExpired ? 'expired' : 'in its time'} on day 100`, () => {
    assert.deepEqual(parseShadow(`ana:${HASH}:${rest}`, NOW), { hash: HASH, isExpired })
  })

for (const line of [undefined, '', 'ana', 'ana:', 'ana:*:1::', 'ana:!$y$x$y:1::', 'ana:x:1::'])
  test(`of ${line} there is no password`, () => {
    assert.equal(parseShadow(line, NOW).hash, '')
  })
