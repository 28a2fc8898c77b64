/**
 * The house: which room may import which. A floor may import the floors above it (base, then formats and io, then
 * mail, services, main); formats and io know nothing of each other; within a floor a room imports only what its line names.
 */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'

const src = join(import.meta.dirname, '..', 'src')

const floors: Readonly<Record<string, readonly string[]>> = {
  base: [],
  formats: ['base'],
  io: ['base'],
  mail: ['base', 'formats', 'io'],
  services: ['base', 'formats', 'io', 'mail'],
  main: ['base', 'formats', 'io', 'mail', 'services'],
}

const rooms: Readonly<Record<string, readonly string[]>> = {
  'formats/address': [],
  'formats/message': ['address'],
  'formats/smtp': ['address'],
  'formats/imap': ['address', 'message'],
  'formats/pop3': ['address', 'message'],
  'formats/folders': [],
  'formats/sasl': [],
  'formats/sieve': ['address', 'message'],
  'formats/reports': ['address', 'message', 'smtp'],
  'io/config': [],
  'io/db': [],
  'io/blobs': ['db'], // the log's group commit ends in a transaction: docs/decisions/0003-log-and-database.md
  'io/tables': ['config', 'db'],
  'io/dns': [],
  'io/net': ['dns'],
  'mail/accounts': [],
  'mail/logins': ['accounts'],
  'mail/store': ['accounts'],
  'mail/mailauth': [],
  'mail/routing': ['accounts'],
  'mail/queue': [],
  'mail/intake': ['routing', 'mailauth', 'queue'],
  'mail/policy': ['accounts', 'routing', 'mailauth', 'intake'],
  'mail/delivery': ['accounts', 'store', 'mailauth', 'intake', 'queue'],
  'mail/notices': ['mailauth', 'intake', 'queue'],
  'services/smtpd': [],
  'services/imapd': [],
  'services/pop3d': [],
  'services/managesieved': [],
  'services/jmap': [],
  'services/admin': [],
  'services/httpd': ['jmap', 'admin'],
}

/** `mail/store` for src/mail/store/x.ts, `base` and `main` for their whole floor. */
function roomOf(path: string): string {
  const [floor = '', room = ''] = relative(src, path).split('/')
  return floor === 'base' || floor === 'main' ? floor : `${floor}/${room}`
}

interface Import {
  readonly file: string
  readonly from: string
  readonly to: string
  readonly target: string
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8')
  const specifiers = [
    ...text.matchAll(
      /(?:^|\n)\s*(?:import|export)\b[^'"\n;]*?(?:\{[^}]*\}[^'"\n]*)?from\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]/g,
    ),
  ]
  return specifiers
    .map((m) => m[1] ?? m[2] ?? '')
    .filter((s) => s.startsWith('.') || s.startsWith('#src/'))
    .map((s) => (s.startsWith('.') ? join(dirname(file), s) : join(src, s.slice(5))))
    .map((target) => ({
      file: relative(src, file),
      from: roomOf(file),
      to: roomOf(target),
      target: relative(src, target),
    }))
}

const files = globSync('**/*.ts', { cwd: src }).map((f) => join(src, f))
const crossings = files.flatMap(importsOf).filter((i) => i.from !== i.to)

test('there are imports between rooms to look at', () => {
  assert.ok(files.length > 20)
  assert.ok(crossings.length > 10)
})

test('every room stands in the table and has a door', () => {
  for (const room of new Set(files.map(roomOf))) {
    if (room === 'main') continue
    assert.ok(room === 'base' || room in rooms, `${room} is not in the table`)
    assert.ok(files.includes(join(src, room, 'mod.ts')), `${room} has no mod.ts`)
  }
})

test('a room imports only what its line names, and only by the door', () => {
  const wrong = crossings.flatMap(({ file, from, to, target }) => {
    const [floor = ''] = from.split('/')
    const [otherFloor = '', otherRoom = ''] = to.split('/')
    const isTest = file.endsWith('.test.ts')
    const above = floors[floor]?.includes(otherFloor) ?? false
    const beside = floor === otherFloor && (rooms[from]?.includes(otherRoom) ?? false)
    const problems: string[] = []
    if (!above && !beside) problems.push(`${file} may not import ${to}`)
    // Tests may set a neighbour up by its parts; code goes through the door.
    if (!isTest && floor !== 'main' && !target.endsWith('/mod.ts'))
      problems.push(`${file} imports ${target}, not its room's mod.ts`)
    return problems
  })
  assert.deepEqual(wrong, [])
})
