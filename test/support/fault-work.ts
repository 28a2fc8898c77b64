/** What is asked of a server whose disk fails, each by itself: whether it was said to be done, and whether it is. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { Server } from '#src/main/server/server.ts'
import type { Selected } from '#src/mail/store/mod.ts'
import { DropWriter, publicPaths } from '#src/main/server/maildrop.ts'
import { tellDropped } from '#src/main/server/public-socket.ts'
import { Upkeep } from '#src/main/server/upkeep.ts'
import { upkeepParts } from '#src/main/server/upkeep-parts.ts'
import { messagesIn, submit } from './mailbox.ts'

type Target = Parameters<typeof submit>[0]

export interface Deed {
  readonly name: string
  /** Prepares, before anything fails. */
  readonly before?: (server: Server) => Promise<unknown>
  /** True: it was said to be done. What it throws was an error to its client. */
  readonly run: (server: Server) => Promise<boolean>
  /** Afterwards, by a server that was started anew: it is done; `many`: how often, where that can be told. */
  readonly isDone: (server: Server) => Promise<boolean | number>
  /** It may come to be done later although it failed: what waits in queue or maildrop is tried again. */
  readonly retries?: true
}

const HERE = 'mail.example.test'
const textOf = (name: string, octets: number): string =>
  `Subject: ${name}\n\n${'x'.repeat(70)}\n`.concat(`${'y'.repeat(60)}\n`.repeat(octets / 61))

const as = (server: Server): Target => ({ server }) as Target
const anaOf = (server: Server): number => server.rooms.current.accounts.find('ana')?.id ?? 0

async function countIn(server: Server, user: string, box: string, subject: string): Promise<number> {
  const texts = await messagesIn(as(server) as Parameters<typeof messagesIn>[0], user, box)
  return texts.filter((text) => text.includes(`Subject: ${subject}\r\n`)).length
}

function mail(name: string, octets: number): Deed {
  return {
    name,
    run: async (server) => (await submit(as(server), '', [`ana@${HERE}`], textOf(name, octets))) === 250,
    isDone: (server) => countIn(server, 'ana', 'INBOX', name),
  }
}

function queued(name: string): Deed {
  return {
    name,
    run: async (server) => (await submit(as(server), `ana@${HERE}`, [`${name}@far.test`], textOf(name, 100))) === 250,
    isDone: (server) =>
      Promise.resolve(
        server.rooms.db.read.sql('SELECT 1 FROM queue_recipient WHERE address = ?').all(`${name}@far.test`).length,
      ),
  }
}

function appended(name: string, octets: number): Deed {
  return {
    name,
    async run(server) {
      const text = Buffer.from(textOf(name, octets).replaceAll('\n', '\r\n'))
      const options = { sizeOctets: text.length, flags: ['\\Seen'] }
      const made = await server.rooms.current.store.append(anaOf(server), 'INBOX', Readable.from([text]), options)
      return !('refused' in made)
    },
    isDone: (server) => countIn(server, 'ana', 'INBOX', name),
  }
}

function dropped(name: string): Deed {
  return {
    name,
    retries: true,
    async run(server) {
      const paths = publicPaths(server.rooms.current.config)
      const file = new DropWriter(paths.maildrop, { sender: '', recipients: [{ address: `ana@${HERE}` }] })
      try {
        file.write(Buffer.from(textOf(name, 200).replaceAll('\n', '\r\n')))
        file.finish()
      } catch (error) {
        file.abort()
        throw error
      }
      await tellDropped(paths).catch(() => {})
      return true
    },
    isDone: (server) => countIn(server, 'ana', 'INBOX', name),
  }
}

/** Success is told of by the queue, so an agent delivers it. */
function byAgent(name: string): Deed {
  return {
    name,
    run: async (server) =>
      (await submit(as(server), '', [`ana@${HERE}`], textOf(name, 100), { notify: ['SUCCESS'] })) === 250,
    isDone: (server) => countIn(server, 'ana', 'INBOX', name),
  }
}

async function withBox<T>(server: Server, name: string, work: (box: Selected) => Promise<T>): Promise<T> {
  const selected = await server.rooms.current.store.select(anaOf(server), name, { readOnly: false })
  assert.ok(!('refused' in selected), name)
  try {
    await selected.refresh({ expunges: true })
    return await work(selected)
  } finally {
    selected.close()
  }
}

/** A mailbox with two messages. */
const filled =
  (name: string) =>
  async (server: Server): Promise<void> => {
    const { store } = server.rooms.current
    await store.createMailbox(anaOf(server), name)
    for (const n of [1, 2]) {
      const text = Buffer.from(`Subject: ${name} ${n}\r\n\r\n`)
      await store.append(anaOf(server), name, Readable.from([text]), { sizeOctets: text.length, flags: [] })
    }
  }

const IMAP: readonly Deed[] = [
  {
    name: 'STORE',
    before: filled('store'),
    run: (server) =>
      withBox(server, 'store', async (box) => (await box.storeFlags([1, 2], 'add', ['\\Flagged', 'word']), true)),
    isDone: (server) =>
      withBox(server, 'store', (box) =>
        Promise.resolve(box.flagsAt(1).includes('word') && box.flagsAt(2).includes('word')),
      ),
  },
  {
    name: 'COPY',
    before: async (server) => (
      await filled('copy')(server),
      await server.rooms.current.store.createMailbox(anaOf(server), 'copied')
    ),
    run: (server) => withBox(server, 'copy', async (box) => !('refused' in (await box.copy([1, 2], 'copied')))),
    isDone: (server) => withBox(server, 'copied', (box) => Promise.resolve(box.count === 2)),
  },
  {
    name: 'MOVE',
    before: async (server) => (
      await filled('move')(server),
      await server.rooms.current.store.createMailbox(anaOf(server), 'moved')
    ),
    run: (server) => withBox(server, 'move', async (box) => !('refused' in (await box.move([1, 2], 'moved')))),
    isDone: async (server) => {
      const [left, there] = [
        await withBox(server, 'move', (box) => Promise.resolve(box.count)),
        await withBox(server, 'moved', (box) => Promise.resolve(box.count)),
      ]
      assert.equal(left + there, 2, 'a message is in one of both')
      return there === 2
    },
  },
  {
    name: 'EXPUNGE',
    before: async (server) => {
      await filled('expunge')(server)
      await withBox(server, 'expunge', (box) => box.storeFlags([1], 'add', ['\\Deleted']))
    },
    run: (server) => withBox(server, 'expunge', async (box) => (await box.expunge(), true)),
    isDone: (server) => withBox(server, 'expunge', (box) => Promise.resolve(box.count === 1)),
  },
  {
    name: 'RENAME',
    before: filled('rename'),
    run: async (server) =>
      (await server.rooms.current.store.renameMailbox(anaOf(server), 'rename', 'renamed')) === undefined,
    isDone: (server) => Promise.resolve(server.rooms.current.store.status(anaOf(server), 'renamed')?.messages === 2),
  },
  {
    name: 'DELETE',
    before: filled('delete'),
    run: async (server) => (await server.rooms.current.store.deleteMailbox(anaOf(server), 'delete')) === undefined,
    isDone: (server) => Promise.resolve(server.rooms.current.store.status(anaOf(server), 'delete') === undefined),
  },
  {
    name: 'SETACL',
    before: filled('acl'),
    run: async (server) =>
      (await server.rooms.current.store.changeGrant(
        anaOf(server),
        'acl',
        { grantee: -1, negative: false },
        { operation: 'set', rights: 'lr' },
      )) === undefined,
    isDone: (server) => Promise.resolve((server.rooms.current.store.grants(anaOf(server), 'acl')?.length ?? 0) > 1),
  },
  {
    name: 'SETMETADATA',
    before: filled('metadata'),
    run: async (server) =>
      !(
        'refused' in
        (await server.rooms.current.store.setAnnotations(anaOf(server), 'metadata', [
          { entry: '/private/comment', value: Buffer.from('a note') },
        ]))
      ),
    isDone: (server) =>
      Promise.resolve(server.rooms.current.store.annotations(anaOf(server), 'metadata')?.length === 1),
  },
]

/** Messages of a mailbox of which little is left, so that their segment is emptied. */
const MANY = 30

/** Compaction and reload, amid the rest: nothing that is there may suffer. */
const UPKEEP: readonly Deed[] = [
  {
    name: 'compaction',
    async before(server) {
      const { store } = server.rooms.current
      await store.createMailbox(anaOf(server), 'compacted')
      for (let n = 0; n < MANY; n++) {
        const text = Buffer.from(textOf(`compacted ${n}`, 20_000).replaceAll('\n', '\r\n'))
        await store.append(anaOf(server), 'compacted', Readable.from([text]), { sizeOctets: text.length, flags: [] })
      }
      await withBox(server, 'compacted', async (box) => {
        await box.storeFlags(
          Array.from({ length: MANY - 2 }, (_, i) => i + 2),
          'add',
          ['\\Deleted'],
        )
        await box.expunge()
      })
    },
    async run(server) {
      const upkeep = new Upkeep(upkeepParts(server.rooms))
      for (let n = 0; n < 2; n++) await upkeep.tidy()
      await upkeep.stop()
      return !existsSync(join(server.rooms.paths.log, '0000000001.log'))
    },
    isDone: async (server) =>
      (await countIn(server, 'ana', 'compacted', 'compacted 0')) === 1 &&
      (await countIn(server, 'ana', 'compacted', `compacted ${MANY - 1}`)) === 1,
  },
  {
    name: 'reload',
    run: (server) => Promise.resolve(server.reload()).then(() => true),
    isDone: () => Promise.resolve(true),
  },
]

/** Octets of a large one. */
export const LARGE = 600_000

/** In this order. */
export const DEEDS: readonly Deed[] = [
  mail('small', 100),
  queued('waits'),
  appended('appended', 100),
  mail('large', LARGE),
  appended('large-appended', LARGE),
  dropped('dropped'),
  byAgent('by-agent'),
  ...IMAP,
  ...UPKEEP,
  mail('last', 100),
]
