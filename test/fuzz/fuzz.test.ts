/** A short run of every target with the same seed each time, and every input that once was wrong. `npm run fuzz`: a long one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { savedInputs } from './findings.ts'
import { check, fuzz } from './frame.ts'
import { targets } from './targets/mod.ts'

/** Of a target: CPU, and inputs. */
const MS = 80
const INPUTS = 400

for (const target of targets)
  test(`fuzzed: ${target.name}`, async () => {
    const found: string[] = []
    const { length } = target.corpus
    const note = (what: string, input: Buffer): void => void found.push(`${what}\nfor ${input.toString('base64')}`)
    const count = await fuzz(
      target,
      { seed: 1, inputs: INPUTS, ms: MS, of: 'cpu' },
      { found: ({ what, input }) => note(what, input) },
    )
    for (const { name, input } of savedInputs(target.name)) {
      const problem = await check(target, input)
      if (problem !== undefined) note(`${name}: ${problem}`, input)
    }
    assert.deepEqual(found, [])
    assert.ok(count >= length)
  })
