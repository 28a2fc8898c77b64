/** Mail that a .forward file sends on has the same trace lines from Debian's Postfix and from Postigo. */
import assert from 'node:assert/strict'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../../support/client.ts'
import { submit, until } from '../../support/mailbox.ts'
import { DOMAIN, startServer } from '../../support/server.ts'
import { makeSystemUser } from '../../support/system-user.ts'
import { reasonToSkip, writeView } from './namespace.ts'
import { startPostfix } from './postfix.ts'

const PORT = 21_960

/** The trace lines of the message with that subject, behind the mbox's own. */
function traceOf(mbox: string, subject: string): string[] {
  const message = `\n${mbox}`.split(/\n(?=From )/).find((text) => text.includes(`\nSubject: ${subject}\n`)) ?? ''
  const [head = ''] = message.split('\n\n')
  return head.split('\n').filter((line) => /^(?:X-Original-To|Delivered-To|Return-Path):/.test(line))
}

test('X-Original-To, Delivered-To and Return-Path of what is sent on', { skip: reasonToSkip() ?? false }, async (t) => {
  const [ana, eva] = [makeSystemUser(t), makeSystemUser(t)]
  writeFileSync(join(ana.home, '.forward'), `${eva.name}\n`)
  chownSync(join(ana.home, '.forward'), ana.uid, ana.uid)
  const mainCf =
    'recipient_delimiter = +\nhome_mailbox = mbox\nalias_maps = texthash:$config_directory/aliases\n' +
    'virtual_alias_maps = inline:{ {box@virtual.test=team@mail.example.test} }\nvirtual_alias_domains = virtual.test\n'
  const files = { aliases: `team ${ana.name}\n` }
  const dir = mkdtempSync(join(tmpdir(), 'postigo-forward-'))
  chmodSync(dir, 0o755)
  t.after(() => rmSync(dir, { recursive: true }))
  writeView(dir, '127.0.0.1')
  const place = { dir: join(dir, 'instance'), address: '127.0.0.1', sinkPort: 9 }
  mkdirSync(place.dir)
  const world = { name: 'forward', mainCf, files, indexed: [], sessions: [{ name: 'in', steps: [] }] }
  const to = [`${ana.name}@${DOMAIN}`, `${ana.name}+list@${DOMAIN}`, `team@${DOMAIN}`, 'box@virtual.test']
  const mbox = join(eva.home, 'mbox')
  const arrived = (who: string): boolean => {
    const text = existsSync(mbox) ? readFileSync(mbox, 'latin1') : ''
    return to.every((_, n) => text.includes(`\nSubject: ${who}${n}\n`))
  }
  const postfix = await startPostfix(world, place, PORT, dir)
  try {
    for (const [n, address] of to.entries()) {
      const input = `Subject: theirs${n}\n\nx\n`
      const sent = await run('/usr/sbin/sendmail', ['-C', place.dir, '-f', 's@else.test', address], { input })
      assert.equal(sent.code, 0, sent.err)
    }
    await until('all came by Postfix', () => arrived('theirs'))
  } finally {
    await postfix.stop()
  }
  const server = await startServer(t, { mainCf, files })
  for (const [n, address] of to.entries())
    assert.equal(await submit(server, 's@else.test', [address], `Subject: ours${n}\n\nx\n`), 250)
  await until('all came by Postigo', () => arrived('ours')).catch(() => assert.fail(server.log()))
  const text = readFileSync(mbox, 'latin1')
  for (const [n, address] of to.entries())
    assert.deepEqual(traceOf(text, `ours${n}`), traceOf(text, `theirs${n}`), address)
})
