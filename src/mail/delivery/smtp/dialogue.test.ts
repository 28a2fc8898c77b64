import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { DialogueError } from './dialogue.ts'
import { meet } from './fixture.test.ts'

async function whyNot(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'none'
  } catch (error) {
    assert.ok(error instanceof DialogueError)
    return error.why
  }
}

test('a slow reader is waited for as long as octets leave fast enough', async (t) => {
  const sip = (socket: Socket): void => {
    socket.on('data', () => {
      socket.pause()
      setTimeout(() => socket.resume(), 6)
    })
  }
  const message = Buffer.alloc(24 * 1024 * 1024, 'x')
  for (const [minDataRate, why] of [
    [500, 'none'],
    [1_000_000_000, 'timeout'],
  ] as const) {
    const dialogue = await meet(t, { perRequest: true, minDataRate }, sip)
    assert.equal(await whyNot(dialogue.write(message, 1200)), why)
  }
})

test('what a server says before it hangs up is heard', async (t) => {
  const limits = { perRequest: false, minDataRate: 500 }
  const dialogue = await meet(t, limits, (socket) => socket.end('552 too big\r\n'))
  while (dialogue.isQuiet) await sleep(10)
  await dialogue.write(Buffer.from('more'), 1000)
  assert.equal((await dialogue.reply(1000)).code, 552)
  assert.equal(await whyNot(dialogue.reply(1000)), 'lost')
})

test('what waits in the filter was said too early for TLS, and the dialogue is not quiet', async (t) => {
  const limits = { perRequest: false, minDataRate: 500 }
  const dialogue = await meet(t, limits, (socket) =>
    socket.on('data', () => socket.write('220 go ahead\r\n250 injected\r\n')),
  )
  const { promise: filtered, resolve: filter } = Promise.withResolvers<void>()
  dialogue.filter = async (line) => {
    if (line.startsWith('250')) await filtered
    return line
  }
  assert.equal((await dialogue.ask('STARTTLS', 1000)).code, 220)
  assert.equal(dialogue.isQuiet, false)
  assert.equal(await whyNot(dialogue.startTls({ serverName: undefined, verify: false, timeoutMs: 1000 })), 'protocol')
  filter()
  assert.equal((await dialogue.reply(1000)).code, 250)
  assert.equal(dialogue.isQuiet, true)
})

test('replies that nobody asks for are kept, but not without bound', async (t) => {
  const limits = { perRequest: false, minDataRate: 500 }
  const [few, many] = [10_000, 40_000]
  const patient = await meet(t, limits, (socket) => socket.end('250 2.1.5 Ok\r\n'.repeat(few)))
  for (let i = 0; i < few; i++) assert.equal((await patient.reply(1000)).code, 250)
  assert.equal(await whyNot(patient.reply(1000)), 'lost')
  const flooded = await meet(t, limits, (socket) => socket.write('250 2.1.5 Ok\r\n'.repeat(many)))
  await flooded.pause(2000)
  assert.equal(await whyNot(flooded.write(Buffer.from('more'), 1000)), 'protocol')
  assert.equal(await whyNot(flooded.reply(1000)), 'protocol')
})
