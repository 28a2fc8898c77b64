/** The log put aside while the server writes, by main and by a front thread. */
import assert from 'node:assert/strict'
import { appendFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { install } from '../support/process.ts'
import { transcript } from '../support/transcript.ts'

test('postfix logrotate puts the log aside, compressed; lines go on in a new file', async (t) => {
  const { dir, offset, postigo, foreground } = await install(
    t,
    'front_threads = 1\nsingle_thread = no\nmaillog_file_rotate_suffix = old\nmaillog_file_permissions = 0640\n',
  )
  await foreground()
  const knock = (): Promise<void> => transcript(25 + offset, 'S: 220 …\nC: QUIT\nS: 221 2.0.0 Bye')
  await knock()
  const turned = await postigo(['postfix', 'logrotate'])
  assert.equal(turned.code, 0, turned.err)
  await knock()
  assert.ok(readdirSync(dir).includes('mail.log.old.gz'))
  const log = (): string => readFileSync(join(dir, 'mail.log'), 'utf8')
  for (const until = Date.now() + 10_000; !log().includes('disconnect from');) {
    assert.ok(Date.now() < until, `the new file has nothing: ${log()}`)
    await new Promise((wake) => setTimeout(wake, 20))
  }
  assert.doesNotMatch(log(), /daemon started/)
  assert.equal(log().match(/ connect from/g)?.length, 1)

  appendFileSync(join(dir, 'main.cf'), 'maillog_file_compressor = false\nmaillog_file_rotate_suffix = second\n')
  const failed = await postigo(['logrotate'])
  assert.equal(failed.code, 1)
  assert.match(failed.err, /logfile '.*mail\.log' rotation failed: false ended with 1/)
  assert.ok(readdirSync(dir).includes('mail.log.second'))
  appendFileSync(join(dir, 'main.cf'), 'maillog_file_compressor =\n')
  assert.match(
    (await postigo(['logrotate'])).err,
    /empty 'maillog_file_compressor' parameter value - logfile rotation failed/,
  )
})
