/** What domains publish about their mail, and pages of a damaged database. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { readReportAddresses } from '#src/formats/reports/mod.ts'
import { readBtreePage } from '#src/io/db/salvage/btree.ts'
import { fitsSts, parseStsPolicy, stsRecordId } from '#src/mail/delivery/smtp/sts/policy.ts'
import { target, type Target } from '../target.ts'

const PAGE = 512

/** A database of small pages, with a row that goes on in others. */
function database(): Buffer {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-fuzz-'))
  try {
    const db = new DatabaseSync(join(dir, 'x.db'))
    db.exec(
      `PRAGMA page_size = ${PAGE}; CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c BLOB, d REAL); CREATE INDEX i ON t (b)`,
    )
    const insert = db.prepare('INSERT INTO t (b, c, d) VALUES (?, ?, ?)')
    for (let n = 0; n < 40; n++) insert.run(`row ${n}`, Buffer.alloc(n), n / 3)
    insert.run('long', Buffer.alloc(3000, 1), 1)
    db.close()
    return readFileSync(join(dir, 'x.db'))
  } finally {
    rmSync(dir, { recursive: true })
  }
}

function readPages(octets: Buffer): unknown {
  const page = (number: number): Buffer | undefined => {
    const at = (number - 1) * PAGE
    return number < 1 || at + PAGE > octets.length ? undefined : octets.subarray(at, at + PAGE)
  }
  return Array.from({ length: Math.floor(octets.length / PAGE) }, (_, i) => {
    const read = readBtreePage({ usable: PAGE, page }, i + 1)
    return read && [read.kind, read.damaged, read.cells.slice(0, 3)]
  })
}

export const policyTargets: readonly Target[] = [
  target('mta-sts', {
    corpus: [
      'version: STSv1\r\nmode: enforce\r\nmx: mail.example\r\nmx: *.example.net\r\nmax_age: 604800\r\n',
      'v=STSv1; id=20260101T000000;',
      'v=TLSRPTv1; rua=mailto:a@b.example,https://c.example/v1',
    ],
    words: [
      'version: STSv1',
      'mode: ',
      'mx: ',
      '*.',
      'max_age: ',
      ';',
      'id=',
      'rua=',
      ',',
      ' ',
      '\t',
      '\r\n',
      'https://',
      '@',
    ],
    read: (octets) => {
      const text = octets.toString('utf8')
      const policy = parseStsPolicy(text)
      const records = text.slice(0, 4096).split('\n')
      return [
        policy,
        fitsSts('mail.example', policy?.patterns ?? []),
        stsRecordId(records),
        readReportAddresses(records),
      ]
    },
  }),
  target('salvage', {
    corpus: [database()],
    words: ['\0\0\0\x01', '\xff\xff\xff\xff', '\x0d', '\x05', '\x81\x80\0'],
    read: readPages,
  }),
]
