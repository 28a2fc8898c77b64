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
