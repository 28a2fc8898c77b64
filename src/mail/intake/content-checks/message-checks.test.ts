import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTables } from '../../../io/tables/mod.ts'
import type { CheckReport } from './contract.ts'
import { MessageChecks } from './message-checks.ts'
import { openOutgoingChecks } from './open.ts'

const LIMITS = {
  header_size_limit: 102_400,
  line_length_limit: 2048,
  mime_nesting_limit: 100,
  mime_boundary_length_limit: 2048,
}

const AS_IT_IS = { to7bit: false, rewrites: false }
const NONE = { name: '', tables: '' }

test("smtp's checks change fields and lines of a message in any cuts, and refuse nothing", async () => {
  const tables = createTables()
  const checks = openOutgoingChecks(
    {
      header: {
        name: 'smtp_header_checks',
        tables:
          'pcre:{ { /^Received:/ IGNORE } { /^Subject: (.*)/ REPLACE Subject: [out] $1 } { /^X-No:/ REJECT no } }',
      },
      mime: NONE,
      nested: NONE,
      body: { name: 'smtp_body_checks', tables: 'pcre:{ { /^secret/ STRIP } { /^sign/ PREPEND above } }' },
    },
    AS_IT_IS,
    LIMITS,
    tables,
  )
  assert.ok(checks)
  const message = Buffer.from('Received: x\r\n\tby y\r\nSubject: hi\r\nX-No: 1\r\n\r\none\r\nsecret\r\nsign\r\n')
  for (const step of [1, 7, 1000]) {
    const told: string[] = []
    const report: CheckReport = {
      log: (action, place, content, text) => told.push(`${action}: ${place} ${content}: ${text}`),
      mimeError: (text) => told.push(text),
      lookupFailed: (list) => told.push(list),
      warn: (text) => told.push(text),
    }
    const outgoing = new MessageChecks(checks, report)
    const out: Buffer[] = []
    for (let at = 0; at < message.length; at += step) out.push(await outgoing.write(message.subarray(at, at + step)))
    out.push(await outgoing.end())
    assert.equal(
      Buffer.concat(out).toString(),
      'Subject: [out] hi\r\nX-No: 1\r\n\r\none\r\nabove\r\nsign\r\n',
      `cut every ${step} octets`,
    )
    assert.deepEqual(told, [
      'replace: header Subject: hi: Subject: [out] hi',
      'unsupported command in smtp_header_checks map: REJECT no',
      'strip: body secret: ',
      'prepend: body sign: above',
    ])
  }
  tables.close()
  assert.equal(
    openOutgoingChecks({ header: NONE, mime: NONE, nested: NONE, body: NONE }, AS_IT_IS, LIMITS, tables),
    undefined,
  )
})
