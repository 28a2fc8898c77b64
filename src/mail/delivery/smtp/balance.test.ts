import assert from 'node:assert/strict'
import { test } from 'node:test'
import { balanced } from './balance.ts'

test('neither address family crowds the other out', () => {
  const table: [targets: string, limit: number, kept: string][] = [
    ['666644', 3, '664'],
    ['66666644', 5, '66644'],
    ['66666664', 5, '66664'],
    ['46666666', 5, '46666'],
    ['444444466', 5, '44466'],
    ['666664444', 5, '66644'],
    ['444446666', 5, '44466'],
    ['666664444', 4, '6644'],
    ['666666', 5, '66666'],
    ['6644', 5, '6644'],
    ['64', 1, '6'],
    ['46', 1, '4'],
  ]
  for (const [families, limit, kept] of table) {
    const targets = Array.from(families, (family, i) => ({
      family,
      address: family === '6' ? `2001:db8::${i}` : `192.0.2.${i}`,
    }))
    assert.equal(
      balanced(targets, limit)
        .map(({ family }) => family)
        .join(''),
      kept,
      `${families} ${limit}`,
    )
  }
})
