import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { loadConfig, makeRegistry } from '../../../io/config/mod.ts'
import { intakeParams } from '../params.ts'
import { contentFindings } from './findings.ts'

/** `line: name: text → proposal` of each finding; the line is that of the table where one is at fault. */
function told(t: TestContext, files: Readonly<Record<string, string>>): string[] {
  const dir = mkdtempSync(join(tmpdir(), 'content-findings-'))
  t.after(() => rmSync(dir, { recursive: true }))
  for (const [name, text] of Object.entries({ 'main.cf': '', ...files })) writeFileSync(join(dir, name), text)
  return contentFindings(loadConfig(dir, makeRegistry(intakeParams)), dir).map(
    ({ file, line, name, text, proposal }) =>
      `${file.slice(dir.length + 1)}:${line} ${name}: ${text}${proposal === undefined ? '' : ` → ${proposal}`}`,
  )
}

const TABLE = `/^Subject: good/ OK
/^Subject: fine (.*)/ REPLACE Subject: $1
/^Subject: bad/ REJCET
/^X-A/ REPLACE
/^X-B/ PREPEND no field
/^X-C/ FILTER smtp
/^X-D/ REDIRECT nobody
if /^X/
/^X-E/ 550 5.7.1 no
endif
/^X-F/
/^X-G/ REJECT 2.0.0 no
/^X-(H)/ $1 what it says
/^X-I/ BCC $1
`

test('check tells of rules that do not do what is written', (t) => {
  assert.deepEqual(
    told(t, {
      'main.cf': 'header_checks = regexp:checks\nmime_header_checks =\nnested_header_checks =\n',
      checks: TABLE,
    }),
    [
      'checks:1 header_checks: OK is DUNNO: later lines and lists still look at the message → DUNNO',
      'checks:3 header_checks: REJCET is no action: mail that matches passes, with a warning in the log → REJECT',
      'checks:4 header_checks: REPLACE action without text in header_checks map: the rule does nothing',
      'checks:5 header_checks: bad PREPEND header text "no field" in header_checks map -- need "headername: headervalue": the rule does nothing',
      'checks:6 header_checks: bad FILTER command smtp in header_checks -- need transport:destination: the rule does nothing',
      'checks:7 header_checks: bad REDIRECT target "nobody" in header_checks map -- need user@domain: the rule does nothing',
      'checks:9 header_checks: 550 is no action: mail that matches passes, with a warning in the log → REJECT 5.7.1 no',
      'checks:11 header_checks: no action: mail that matches waits with 451 4.3.0',
      'checks:12 header_checks: bad DSN action in 2.0.0 no -- need 4.x.x or 5.x.x',
    ],
  )
})

test('check tells of tables that can never match, and of settings in the wrong place', (t) => {
  const master = `smtp inet n - n - - smtpd -o header_checks=pcre:x -o receive_override_options=no_milter
submission inet n - n - - smtpd -o cleanup_service_name=own
25 inet n - n - - smtpd -o cleanup_service_name=none
own unix n - n - 0 cleanup -o body_checks=hash:/etc/own
`
  assert.deepEqual(told(t, { 'main.cf': 'body_checks = static:DUNNO\n', 'master.cf': master }), [
    'master.cf:4 body_checks: hash:/etc/own: the key that is looked up is a whole line: parts of it, or patterns, are never found → body_checks = pcre:/etc/own',
    'master.cf:1 header_checks: -o header_checks of smtp means nothing: cleanup reads it, not smtpd → -o cleanup_service_name=smtp-cleanup   (and a line of its own: smtp-cleanup unix n - n - 0 cleanup -o header_checks=pcre:x)',
    'master.cf:1 receive_override_options: unknown option no_milter: it does nothing → no_milters',
    "master.cf:3 cleanup_service_name: master.cf has no cleanup service none: main.cf's settings are taken",
  ])
})

test('check tells of actions that smtp and lmtp do not have', (t) => {
  const files = {
    'main.cf': 'smtp_header_checks = regexp:out\n',
    'master.cf': 'strict unix - - n - - smtp -o smtp_body_checks=regexp:out\n',
    out: '/^Received/ IGNORE\n/^X-A/ REJECT no\n/^X-B/\n',
  }
  const both = (name: string): string[] => [
    `out:2 ${name}: unsupported command in ${name} map: REJECT no: the rule does nothing`,
    `out:3 ${name}: no action: mail that matches is deferred with 4.3.0`,
  ]
  assert.deepEqual(told(t, files), [...both('smtp_header_checks'), ...both('smtp_body_checks')])
})
