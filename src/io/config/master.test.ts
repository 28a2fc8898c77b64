import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, defaultMaster, parseMaster } from './mod.ts'

const parse = (text: string) => parseMaster(text, 'master.cf')

test('columns, options and the arguments of a command', () => {
  const [smtp, pipe] = parse(
    'smtp inet n - y - - smtpd\n  -o a=b -o { c = d e } -v -v\n#c\n -o {e=f\n  g} -oh=$i\n' +
      'maildrop unix - n n 1000? 5 pipe\n  flags=DRXhu user=vmail argv=/usr/bin/maildrop -d ${recipient}\n',
  )
  assert.deepEqual(
    [...(smtp?.overrides ?? [])],
    [
      ['a', 'b'],
      ['c', 'd e'],
      ['e', 'f  g'],
      ['h', '$i'],
    ],
  )
  assert.deepEqual(
    [smtp?.port, smtp?.private, smtp?.chroot, smtp?.verbose, smtp?.maxProcesses],
    [25, false, true, 2, -1],
  )
  assert.deepEqual(pipe?.args, ['flags=DRXhu', 'user=vmail', 'argv=/usr/bin/maildrop', '-d', '${recipient}'])
  assert.deepEqual([pipe?.private, pipe?.unprivileged, pipe?.wakeup, pipe?.maxProcesses], [true, false, '1000?', 5])
  assert.deepEqual(pipe?.origin, { file: 'master.cf', line: 6 })
})

test('where inet services listen', () => {
  const table: readonly (readonly [string, string | undefined, number])[] = [
    ['smtp', undefined, 25],
    ['submission', undefined, 587],
    ['10025', undefined, 10025],
    ['127.0.0.1:smtp', '127.0.0.1', 25],
    ['[::1]:2525', '::1', 2525],
    ['localhost:10026', 'localhost', 10026],
  ]
  for (const [name, host, port] of table) {
    const [service] = parse(`${name} inet n - n - - smtpd`)
    assert.deepEqual([service?.host, service?.port], [host, port], name)
  }
})

test('what Postfix does not take is refused with its line', () => {
  const table: readonly (readonly [string, string])[] = [
    ['smtp inet n - y - -', 'master.cf, line 1: bad field count'],
    ['smtp inett n - y - - smtpd', 'master.cf, line 1: invalid type field "inett" in "smtp inett n - y - - smtpd"'],
    ['smtp inet x - y - - smtpd', 'master.cf, line 1: invalid private field "x" in "smtp inet x - y - - smtpd"'],
    ['smtp inet n - y x - smtpd', 'master.cf, line 1: invalid wakeup field "x" in "smtp inet n - y x - smtpd"'],
    [
      'smtp inet n - y - -1 smtpd',
      'master.cf, line 1: invalid process_limit field "-1" in "smtp inet n - y - -1 smtpd"',
    ],
    ['\nnonesuch-x inet n - y - - smtpd', 'master.cf, line 2: bad service name or port: "nonesuch-x"'],
    ['smtp inet n - y - - smtpd -o {a b}', 'master.cf, line 1: missing \'=\' after attribute name: "a b"'],
  ]
  for (const [text, message] of table)
    assert.throws(
      () => parse(text),
      (e) => e instanceof ConfigError && e.message === message,
      text,
    )
})

test('without a master.cf there are smtp, submission and submissions', () => {
  assert.deepEqual(
    defaultMaster().map((s) => [s.name, s.port]),
    [
      ['smtp', 25],
      ['submission', 587],
      ['submissions', 465],
    ],
  )
})
