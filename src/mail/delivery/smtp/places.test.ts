import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientSettingsOf } from './fixture.test.ts'
import { Walk } from './places.ts'

/** How many of five servers are tried; those of `taking` take mail, and then do not. */
function tried(settings: Readonly<Record<string, string>>, taking = true): number {
  const places = Array.from({ length: 5 }, (_, n) => ({ host: 'x', path: `/s${n}`, shown: `s${n}` }))
  const walk = new Walk('x.test', places, clientSettingsOf(settings), true)
  let count = 0
  for (; walk.next() !== undefined; count++) if (taking) walk.countSession()
  return count
}

test('a walk ends after so many servers that were spoken with, and so many that were tried', () => {
  const table: [settings: Readonly<Record<string, string>>, taking: number, silent: number][] = [
    [{}, 2, 5],
    [{ smtp_mx_session_limit: '1' }, 1, 5],
    [{ smtp_mx_session_limit: '0' }, 5, 5],
    [{ smtp_mx_session_limit: '0', smtp_mx_address_limit: '3' }, 3, 3],
    [{ smtp_mx_session_limit: '4', smtp_mx_address_limit: '0' }, 4, 5],
  ]
  for (const [settings, taking, silent] of table)
    assert.deepEqual([tried(settings), tried(settings, false)], [taking, silent], JSON.stringify(settings))
})
