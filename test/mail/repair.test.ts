/** `postigo repair`: whatever was lost of the database, mail is there afterwards. */
import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { repair as repairCommand } from '#src/main/cli/repair.ts'
import { Server } from '#src/main/server/server.ts'
import { openMailDatabase } from '#src/main/server/database.ts'
import { verify } from '#src/main/verify/verify.ts'
import { messagesIn } from '../support/mailbox.ts'
import {
  copyOf,
  type MailData,
  makeMail,
  pathsOf,
  putMail,
  subjectOf,
  takeSnapshot,
  USERS,
} from '../support/mail-data.ts'

const PAGE = 4096
/** `npm run stress:repair` looks at each page. */
const EVERY = Number(process.env['REPAIR_PAGES_EVERY'] ?? 14)

interface Told {
  readonly code: number
  readonly said: string
}

async function repair({ dir }: MailData, ...words: string[]): Promise<Told> {
  let said = ''
  const io = {
    stdin: process.stdin,
    out: (text: string | Buffer) => void (said += String(text)),
    err: (text: string) => void (said += text),
    env: {},
    cwd: '/',
    tty: false,
  }
  const code = await repairCommand([...words, '-c', dir], io)
  return { code, said }
}

/** Subjects of what lies where, as a server shows it. */
async function shown(t: TestContext, { dir }: MailData): Promise<Record<string, string[]>> {
  const { server } = await Server.start({ directory: dir, portOffset: 0, freePorts: true, singleThread: true })
  t.after(() => server.stop())
  const all: Record<string, string[]> = {}
  const { accounts, store } = server.rooms.current
  for (const { id, localPart } of accounts.list())
    for (const { name } of store.mailboxes(id)) {
      const texts = await messagesIn({ server } as Parameters<typeof messagesIn>[0], localPart, name)
      if (texts.length > 0)
        all[`${localPart}/${name}`] = texts.map((text) => /^Subject: (.*)\r$/m.exec(text)?.[1] ?? '?').sort()
    }
  const queue = server.rooms.db.read.sql('SELECT queue_id, hold FROM queue_message').all()
  all['queue'] = queue.map(([, hold]) => (hold === 1 ? 'held' : 'waits'))
  await server.stop()
  return all
}

/** All subjects of a user, wherever they lie. */
const allOf = (all: Record<string, string[]>, user: string): string[] =>
  [
    ...new Set(Object.entries(all).flatMap(([place, subjects]) => (place.startsWith(`${user}/`) ? subjects : []))),
  ].sort()

function wipe(path: string, page: number): void {
  const octets = readFileSync(path)
  octets.fill(0xa5, (page - 1) * PAGE, page * PAGE)
  writeFileSync(path, octets)
}

function pagesOf(path: string, name: string, type = 'leaf'): number[] {
  const db = new DatabaseSync(path, { readOnly: true })
  const rows = db.prepare('SELECT pageno FROM dbstat WHERE name = ? AND pagetype = ?').all(name, type)
  db.close()
  return rows.map(({ pageno }) => Number(pageno))
}

test('repair', async (outer) => {
  const whole = await makeMail(outer)
  const wanted = await shown(outer, copyOf(outer, whole))

  const findings = ({ paths }: MailData): string[] => {
    const found: string[] = []
    verify({ paths, onFinding: ({ text }) => found.push(text) })
    return found
  }

  await outer.test('nothing is damaged: all stays, the old database is kept, twice does no harm', async (t) => {
    const data = copyOf(t, whole)
    const dry = await repair(data, '--dry-run')
    assert.match(dry.said, /nothing is changed/)
    assert.deepEqual(
      readdirSync(data.paths.dir).filter((name) => /repair|damaged/.test(name)),
      [],
    )
    for (let n = 0; n < 2; n++) {
      const { code, said } = await repair(data)
      assert.deepEqual([code, /in Recovered/.test(said)], [0, false], said)
    }
    const kept = readdirSync(data.paths.dir).find((name) => name.startsWith('mail.db.damaged-')) ?? ''
    assert.match(kept, /^mail\.db\.damaged-\d{8}T\d{6}Z$/)
    for (const path of [data.paths.database, join(data.paths.dir, kept)])
      assert.equal(statSync(path).mode & 0o777, 0o600, path)
    assert.deepEqual(findings(data), [])
    assert.deepEqual(await shown(t, data), wanted)
  })

  await outer.test(
    'each page of the database in turn: no message is lost, none is doubled in its mailbox',
    async (t) => {
      const pages = statSync(whole.paths.database).size / PAGE
      for (let page = 1; page <= pages; page += EVERY) {
        const data = copyOf(t, whole)
        wipe(data.paths.database, page)
        const { code, said } = await repair(data)
        assert.equal(code, 0, `page ${page}: ${said}`)
        assert.deepEqual(findings(data), [], `page ${page}`)
        if (page % 2 === 0) continue
        const now = await shown(t, data)
        // What ana had deleted may come back in Recovered: with its row nobody knows of that any more.
        const kept = (user: string): string[] =>
          allOf(now, user).filter((subject) => allOf(wanted, user).includes(subject))
        for (const user of USERS) assert.deepEqual(kept(user), allOf(wanted, user), `page ${page}: ${said}`)
        assert.ok(allOf(now, 'ana').length <= allOf(wanted, 'ana').length + 1)
        for (const [place, subjects] of Object.entries(now))
          if (!place.includes('Recovered'))
            assert.ok(subjects.length <= (wanted[place]?.length ?? 0), `page ${page}: ${place}`)
      }
    },
  )

  await outer.test('a page of rows of messages: they are in Recovered, or where the snapshot knows them', async (t) => {
    for (const withSnapshot of [false, true]) {
      const data = copyOf(t, whole)
      if (withSnapshot) {
        takeSnapshot(data, '20261124')
      }
      for (const page of pagesOf(data.paths.database, 'message').slice(2, 4)) wipe(data.paths.database, page)
      const { code, said } = await repair(data)
      assert.equal(code, 0, said)
      const now = await shown(t, data)
      if (withSnapshot) assert.deepEqual(now, wanted)
      else {
        assert.match(said, /UID \d+: the row of its message is gone\n/)
        assert.match(said, /\d+ messages in Recovered/)
        assert.ok(
          Object.keys(now).some((place) => place.endsWith('/Recovered')),
          JSON.stringify(now),
        )
      }
      for (const user of ['ana', 'eva']) assert.deepEqual(allOf(now, user), allOf(wanted, user))
    }
  })

  await outer.test(
    'pages of mailboxes: messages are back where they were, with the flags of the snapshot',
    async (t) => {
      const data = copyOf(t, whole)
      takeSnapshot(data, '20261124')
      for (const page of pagesOf(data.paths.database, 'mailbox_page')) wipe(data.paths.database, page)
      const { code, said } = await repair(data)
      assert.equal(code, 0, said)
      assert.match(said, /\d+ messages back in their mailboxes/)
      assert.deepEqual(await shown(t, data), wanted)
      const flags = (path: string): unknown => openFlags(path)
      assert.deepEqual(flags(data.paths.database), flags(whole.paths.database))
    },
  )

  await outer.test('a flipped octet in a row of a message, or in a page of a mailbox', async (t) => {
    for (const [table, column] of [
      ['message', 'envelope'],
      ['message', 'prefix'],
      ['mailbox_page', 'data'],
    ] as const) {
      const data = copyOf(t, whole)
      const db = new DatabaseSync(data.paths.database)
      const row = db.prepare(`SELECT id, ${column} AS data FROM ${table} WHERE length(${column}) > 20 LIMIT 1`).get()
      const octets = Buffer.from(row?.['data'] as Uint8Array) // a BLOB
      octets[octets.length - 9]! ^= 2
      db.prepare(`UPDATE ${table} SET ${column} = ? WHERE id = ?`).run(octets, Number(row?.['id']))
      db.close()
      assert.ok(findings(data).length > 0)
      const { code, said } = await repair(data)
      assert.equal(code, 0, said)
      assert.deepEqual(findings(data), [])
      assert.deepEqual(await shown(t, data), wanted, `${table} ${column}: ${said}`)
    }
  })

  await outer.test(
    'a WAL that is torn is as after a power cut: what the log has beyond it comes in, into INBOX',
    async (t) => {
      let data: MailData | undefined
      const context = t
      await makeMail(t, async (server) => {
        await putMail(server, 40, 60)
        const paths = pathsOf(server.dir)
        data = copyOf(context, { dir: server.dir, paths })
      })
      assert.ok(data !== undefined)
      rmSync(join(data.paths.dir, 'server.lock'))
      const wal = `${data.paths.database}-wal`
      truncateSync(wal, Math.floor(statSync(wal).size * 0.8) + 100)
      const { code, said } = await repair(data)
      assert.equal(code, 0, said)
      assert.match(said, /octets of the WAL are no whole commit/)
      const now = await shown(t, data)
      const all = Array.from({ length: 60 }, (_, n) => n)
      for (const [i, user] of USERS.entries()) {
        const inbox = all.filter((n) => n % 4 === 0 || n % 2 === i).map(subjectOf)
        for (const subject of inbox) assert.ok(now[`${user}/INBOX`]?.includes(subject), `${user} ${subject}`)
        assert.equal(now[`${user}/Recovered`], undefined)
      }
    },
  )

  await outer.test('the log is damaged, short or missing: what is gone is named, all else is there', async (t) => {
    const data = copyOf(t, whole)
    const segment = join(data.paths.log, '0000000001.log')
    const octets = readFileSync(segment)
    octets[octets.indexOf('line of 11\r\n')]! ^= 1
    writeFileSync(segment, octets)
    const one = await repair(data)
    assert.equal(one.code, 65)
    assert.match(one.said, /account eva, mailbox INBOX, UID \d+: its content is gone\n/)
    assert.match(one.said, /1 messages whose content is gone/)
    truncateSync(segment, Math.floor(octets.length / 2))
    assert.match((await repair(data)).said, /queue id \S+: its content is gone/)
    rmSync(segment)
    const none = await repair(data)
    assert.match(none.said, /\d\d messages whose content is gone/)
    assert.ok(existsSync(data.paths.database))
  })

  await outer.test('without mail.db: of the snapshot and what the log has since; of the log alone', async (t) => {
    const data = await makeMail(t, async (server) => {
      const paths = pathsOf(server.dir)
      takeSnapshot({ dir: server.dir, paths }, '20261124')
      await putMail(server, 40, 50)
    })
    const there = await shown(t, copyOf(t, data))
    rmSync(data.paths.database)
    const start = Server.start({ directory: data.dir, portOffset: 0, freePorts: true, singleThread: true })
    await assert.rejects(start, /mail\.db is missing.*postigo repair/)
    const { code, said } = await repair(data)
    assert.equal(code, 0, said)
    const now = await shown(t, data)
    // What the snapshot has is where it was; what came since is in Recovered, and INBOX is told of nothing new.
    for (const user of USERS) {
      assert.deepEqual(allOf(now, user), allOf(there, user), said)
      const late = (subjects: readonly string[] = []): boolean => subjects.includes(subjectOf(48))
      assert.deepEqual([late(now[`${user}/INBOX`]), late(now[`${user}/Recovered`])], [false, true])
    }
    assert.deepEqual(now['ana/Kept'], there['ana/Kept'])
    assert.deepEqual(now['queue'], ['held'])

    const alone = copyOf(t, whole)
    rmSync(alone.paths.database)
    const bare = await repair(alone)
    assert.match(bare.said, /account (ana|1): its row is gone: it is ana now, and needs a password/)
    assert.match(bare.said, /recipients in the queue on hold/)
    const all = await shown(t, alone)
    assert.deepEqual(Object.keys(all).sort(), ['ana/Recovered', 'eva/Recovered', 'queue'])
    for (const user of ['ana', 'eva'])
      for (const subject of allOf(wanted, user))
        assert.ok(subject === subjectOf(98) || all[`${user}/Recovered`]?.includes(subject), subject)
    assert.deepEqual(all['queue'], ['held', 'held']) // one of them had been delivered here, which the log does not say
  })

  await outer.test('stopped in the midst and begun again: it comes to the same end', async (t) => {
    const data = copyOf(t, whole)
    wipe(data.paths.database, 1)
    const work = join(data.paths.dir, 'repair')
    mkdirSync(work)
    writeFileSync(join(work, 'mail.db'), 'half a database')
    const { code } = await repair(data)
    assert.equal(code, 0)
    assert.deepEqual(await shown(t, data), wanted)
    assert.ok(!existsSync(work))
  })

  await outer.test('not beside a running server', async (t) => {
    const data = copyOf(t, whole)
    const { server } = await Server.start({ directory: data.dir, portOffset: 0, freePorts: true, singleThread: true })
    const { code, said } = await repair(data)
    assert.deepEqual([code, /serves these data/.test(said)], [69, true])
    await server.stop()
  })
})

function openFlags(path: string): unknown {
  const db = openMailDatabase(path, { readOnly: true })
  try {
    return db.read.sql('SELECT mailbox, first_uid, n, data FROM mailbox_page ORDER BY mailbox, first_uid').all()
  } finally {
    db.close()
  }
}
