import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ALL_RIGHTS } from '../../formats/imap/mod.ts'
import { ACCOUNT, openTestStore, slowClock, type TestStore } from '../../mail/store/testing.ts'
import type { Connection } from '../../io/net/mod.ts'
import type { ImapdDeps } from './deps.ts'
import { Session } from './session.ts'

/** A session that has INBOX selected; `said` answers what it told since it was asked before. */
async function idler(world: TestStore): Promise<{ session: Session; said: () => string[] }> {
  let written = ''
  const connection = { write: (text: string | Buffer) => ((written += text.toString()), true) }
  const deps = { store: world.store, clock: world.clock }
  const session = new Session(deps as unknown as ImapdDeps, connection as unknown as Connection) // all that is used of them
  session.account = ACCOUNT
  session.selected = await world.select()
  session.rights = ALL_RIGHTS
  const said = (): string[] => {
    void session.output.flush()
    const lines = written.split('\r\n').slice(0, -1)
    written = ''
    return lines
  }
  return { session, said }
}

const ALL = { expunges: true, uids: false } as const
const seqs = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)

test('a context hears of messages by their own UIDs, also where others are expunged while it looks', async (t) => {
  const world = await openTestStore(t, {}, slowClock())
  for (let i = 0; i < 60; i++) await world.deposit()
  const { session, said } = await idler(world)
  const other = await world.select()
  // A key that needs the messages themselves, so that the search pauses between them.
  const key = { key: 'NOT', not: { key: 'EMAILID', id: 'Mnone' } } as const
  session.contexts.add(session.mailbox, { tag: 'c', byUid: true, key, criteria: undefined, items: [] }, [])
  await other.storeFlags(seqs(21, 60), 'add', ['\\Flagged'])
  const first = session.tell(ALL)
  await new Promise(setImmediate)
  await other.storeFlags(seqs(1, 10), 'add', ['\\Deleted'])
  await other.expunge()
  const second = session.tell(ALL)
  await Promise.all([first, second])
  const lines = said().filter((line) => !line.includes('FETCH'))
  assert.deepEqual(lines, ['* ESEARCH (TAG "c") UID ADDTO (0 21:60)', ...seqs(1, 10).map(() => '* 1 EXPUNGE')])
})

test('contexts look at what changed, once for all of them, and at nothing where nothing did', async (t) => {
  const world = await openTestStore(t)
  for (let i = 0; i < 10; i++) await world.deposit()
  const { session, said } = await idler(world)
  const looks: unknown[] = []
  session.selected = new Proxy(session.mailbox, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        if (name === 'changedSince') looks.push('changes')
        if (name === 'search') looks.push(args[2])
        if (name === 'modSeqAt') looks.push(name)
        return value.apply(target, args) as unknown
      }
    },
  })
  const key = { key: 'FLAG', flag: '\\Flagged', set: true } as const
  for (const tag of ['a', 'b'])
    session.contexts.add(session.mailbox, { tag, byUid: false, key, criteria: undefined, items: [] }, [])
  for (let times = 0; times < 3; times++) await session.tell(ALL)
  assert.deepEqual([looks, said()], [[], []])
  await session.mailbox.storeFlags([2, 5, 6, 9], 'add', ['\\Flagged']) // an own one, that comes back in no Delta
  await session.tell(ALL)
  await world.deposit('INBOX', { flags: ['\\Flagged'] })
  await session.tell(ALL)
  const told = (what: string): string[] => ['a', 'b'].map((tag) => `* ESEARCH (TAG "${tag}") ${what}`)
  const news = ['* 11 EXISTS', '* 11 RECENT']
  assert.deepEqual(said(), [...told('ADDTO (0 2,5:6,9)'), ...news, ...told('ADDTO (0 11)')])
  assert.deepEqual(looks, ['changes', [2, 5, 6, 9], [2, 5, 6, 9], 'changes', [11], [11]])
  const other = await world.select()
  await other.storeFlags([2, 5, 6], 'add', ['\\Deleted'])
  await other.expunge()
  await session.tell(ALL)
  assert.deepEqual(said(), [...told('REMOVEFROM (0 2,5:6)'), '* 2 EXPUNGE', '* 4 EXPUNGE', '* 4 EXPUNGE'])
})
