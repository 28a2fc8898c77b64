/** POP3 sessions at once on one maildrop: what is gone is what a session marked that ended with QUIT, and nothing else. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { sampleMessage } from '../support/client.ts'
import { Random } from '../support/random.ts'
import { PASSWORD, startServer } from '../support/server.ts'

const SESSIONS = 8
const ROUNDS = 6

test('eight sessions list, retrieve, mark, unmark, end and break off', async (t) => {
  const server = await startServer(t, { accounts: ['eva'] })
  const { accounts, store } = server.server.rooms.current
  const eva = accounts.byLogin('eva')?.id ?? 0
  let added = 0
  const add = async (): Promise<void> => {
    const octets = Buffer.from(sampleMessage(`message-${added++}`))
    await store.append(eva, 'INBOX', [octets], { sizeOctets: octets.length, flags: [] })
  }
  for (let i = 0; i < 40; i++) await add()
  const gone = new Set<string>()
  const subjects = new Map<string, string>()
  const session = async (random: Random): Promise<void> => {
    const socket = connect(server.port('pop3'), '127.0.0.1')
    const lines = createInterface(socket)[Symbol.asyncIterator]()
    const line = async (): Promise<string> => (await lines.next()).value ?? ''
    const ask = async (command: string, isLong = false): Promise<string[]> => {
      socket.write(`${command}\r\n`)
      const answer = [await line()]
      while (isLong && answer[0]?.startsWith('+OK') && answer.at(-1) !== '.') answer.push(await line())
      return answer
    }
    await line()
    await ask('USER eva')
    assert.match((await ask(`PASS ${PASSWORD}`))[0] ?? '', /^\+OK/)
    const goneBefore = new Set(gone)
    const ids = (await ask('UIDL', true)).slice(1, -1).map((row) => row.split(' ')[1] ?? '')
    for (const id of ids) assert.ok(!goneBefore.has(id), `${id} was deleted before`)
    const marked = new Set<string>()
    for (let step = 0; step < 5; step++) {
      const at = random.below(ids.length)
      const id = ids[at] ?? ''
      const answer = await ask(`TOP ${at + 1} 0`, true)
      if (marked.has(id)) assert.match(answer[0] ?? '', /^-ERR/)
      const subject = answer.find((row) => row.startsWith('Subject: '))
      if (subject !== undefined) assert.equal(subjects.getOrInsert(id, subject), subject)
      if (random.chance(0.3) && (await ask(`DELE ${at + 1}`))[0]?.startsWith('+OK')) marked.add(id)
      if (random.chance(0.1)) {
        await ask('RSET')
        marked.clear()
      }
      const count = Number((await ask('STAT'))[0]?.split(' ')[1])
      assert.equal(count, ids.length - marked.size) // what comes or goes meanwhile is for the next session
    }
    if (random.chance(0.5)) {
      await ask('QUIT')
      for (const id of marked) gone.add(id)
    }
    socket.destroy()
  }
  const walk = async (seed: number): Promise<void> => {
    const random = new Random(seed)
    for (let round = 0; round < ROUNDS; round++) {
      await session(random)
      await add()
    }
  }
  await Promise.all(Array.from({ length: SESSIONS }, (_, i) => walk(i + 1)))
  assert.ok(gone.size > 3, String(gone.size))
  assert.equal(store.status(eva, 'INBOX')?.messages, added - gone.size)
})
