/** Header and body checks, MIME limits and completion: each case ends as with Postfix 3.7 (recorded.txt; record.ts). */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { startServer, type TestServer } from '../../support/server.ts'
import { groups } from './cases.ts'
import { MAIN_CF, masterCf, record, type Served } from './play.ts'

const recorded = new Map(
  readFileSync(join(import.meta.dirname, 'recorded.txt'), 'utf8')
    .split(/^# /m)
    .slice(1)
    .map((section) => {
      const [name = '', ...lines] = section.replace(/\n+$/, '').split('\n')
      return [name, lines] as const
    }),
)

/** Each group's listener has a name of its own; the ports are free ones. */
const listenerName = (group: number): string => String(2000 + group)

function served(server: TestServer): Served {
  return {
    port: (group) => server.port(listenerName(group)),
    log: () => server.log(),
    queued(queueId) {
      const jobs = server.server.rooms.desk.message(queueId)?.jobs ?? []
      const [first] = jobs
      if (first === undefined) return Promise.resolve(undefined)
      const pieces: Buffer[] = []
      for (let at = 0; at < first.sizeOctets; at += pieces.at(-1)!.length) pieces.push(first.read(at, first.sizeOctets))
      const text = Buffer.concat(pieces).toString('utf8').replaceAll('\r\n', '\n')
      return Promise.resolve({ text, recipients: jobs.flatMap((job) => job.recipients.map((r) => r.address)) })
    },
  }
}

describe('content checks end as with Postfix', async () => {
  test('all groups', { timeout: 100_000 }, async (t) => {
    const server = await startServer(t, {
      mainCf: `${MAIN_CF}mail_name = Mail\nsmtpd_authorized_xclient_hosts = 127.0.0.0/8\nmynetworks = 198.51.100.0/24\nsmtpd_tls_security_level = none\n`,
      files: { 'master.cf': masterCf(groups, listenerName) },
    })
    const play = served(server)
    const differing: string[] = []
    for (const [i, { name, cases }] of groups.entries())
      for (const [one, text] of Object.entries(cases)) {
        const section = `${name} / ${one}`
        const lines = await record(play, i, text)
        try {
          assert.deepEqual(lines, recorded.get(section), section)
        } catch (error) {
          differing.push(String(error))
        }
      }
    assert.deepEqual(differing, [])
  })
})
