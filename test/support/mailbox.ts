/** Mail put into a test server by its intake, and what came out in its mailboxes. */
import assert from 'node:assert/strict'
import type { TestServer } from './server.ts'

/** Only what goes wrong takes so long, or a machine with much else to do. */
const LIMIT_MS = 30_000

export async function until(what: string, holds: () => boolean | Promise<boolean>, limitMs = LIMIT_MS): Promise<void> {
  const end = Date.now() + limitMs
  while (!(await holds())) {
    if (Date.now() > end) assert.fail(`not within ${limitMs} ms: ${what}`)
    await new Promise((wake) => setTimeout(wake, 20))
  }
}

/** Answers the reply's code. Lines of `text` end in LF. */
export async function submit(
  { server }: TestServer,
  sender: string,
  recipients: readonly string[],
  text: string,
  options: { readonly trace?: 'verify'; readonly notify?: readonly 'SUCCESS'[] } = {},
): Promise<number> {
  const submission = server.rooms.current.intake.open(
    {
      origin: 'smtp',
      clientAddress: '192.0.2.1',
      clientName: 'client.test',
      helo: 'client.test',
      protocol: 'ESMTP',
      rewriteHeaders: false,
    },
    {
      effects: [],
      recipients: recipients.length,
      firstRecipient: recipients[0] ?? '',
      ...(options.trace && { trace: options.trace }),
    },
  )
  assert.ok(!('code' in submission))
  await submission.write(Buffer.from(text.replaceAll('\n', '\r\n')))
  const envelope = {
    sender,
    recipients: recipients.map((address) => ({ address, notify: options.notify })),
    smtpUtf8: false,
  }
  return (await submission.finish(envelope)).code
}

/** All messages of a mailbox of a user, oldest first. */
export async function messagesIn({ server }: TestServer, user: string, mailbox = 'INBOX'): Promise<string[]> {
  const { accounts, store } = server.rooms.current
  const selected = await store.select(accounts.find(user)?.id ?? 0, mailbox, { readOnly: true })
  if ('refused' in selected) return []
  await selected.refresh({ expunges: true })
  const texts: string[] = []
  const all = Array.from({ length: selected.count }, (_, i) => i + 1)
  for await (const batch of selected.messages(all))
    for (const message of batch)
      if (message !== undefined) texts.push(store.read(message, 0, message.sizeOctets).toString())
  selected.close()
  return texts
}

export const FLAGS = ['\\Seen', '\\Answered', '\\Flagged', '\\Draft']

/** All that a mailbox holds, by subject: flags, date, octets. */
export async function contents({ server }: TestServer, user: string, mailbox: string): Promise<Map<string, string>> {
  const { accounts, store } = server.rooms.current
  const found = new Map<string, string>()
  const selected = await store.select(accounts.find(user)?.id ?? 0, mailbox, { readOnly: true })
  if ('refused' in selected) return found
  await selected.refresh({ expunges: true })
  const seqs = Array.from({ length: selected.count }, (_, i) => i + 1)
  let seq = 0
  for await (const batch of selected.messages(seqs))
    for (const message of batch) {
      seq++
      assert.ok(message !== undefined)
      const octets = store.read(message, 0, message.sizeOctets).toString('latin1')
      const flags = FLAGS.filter((flag) => selected.hasFlag(seq, flag))
      const date = new Date(selected.internalDateMsAt(seq)).toISOString()
      // mbsync marks what it copied, to find it again after a crash.
      const text = octets.replace(/X-TUID: .*\r\n/, '')
      found.set(/Subject: (.*)\r\n/.exec(text)?.[1] ?? '', `${flags.join(' ')} | ${date} | ${text}`)
    }
  selected.close()
  return found
}
