import assert from 'node:assert/strict'
import { test } from 'node:test'
import { run } from '../support/client.ts'
import { DOMAIN, PASSWORD, startServer } from '../support/server.ts'

const SCRIPT = `
import imaplib, poplib, smtplib, ssl, sys
smtp, submission, imap, imaps, pop3, pop3s = map(int, sys.argv[1:7])
domain, password = sys.argv[7:9]
tls = ssl._create_unverified_context()
message = b'From: ana@' + domain.encode() + b'\\r\\nSubject: python\\r\\nMessage-Id: <1@x>\\r\\nDate: Tue, 24 Nov 2026 10:00:00 +0000\\r\\n\\r\\n.\\r\\n..dots\\r\\n\\xc3\\xb1and\\xc3\\xba\\r\\n' + b'x' * 900 + b'\\r\\n'
s = smtplib.SMTP('127.0.0.1', submission)
s.starttls(context=tls)
s.login('ana', password)
s.sendmail('ana@' + domain, ['eva@' + domain], message)
s.quit()
m = imaplib.IMAP4_SSL('127.0.0.1', imaps, ssl_context=tls)
m.login('eva', password)
m.select('INBOX')
typ, data = m.search(None, 'SUBJECT', 'python')
assert data == [b'1'], data
typ, data = m.fetch('1', '(FLAGS BODY.PEEK[])')
got = data[0][1]
assert got.endswith(message), got
assert b'\\\\Seen' not in data[0][0] + data[1]
typ, data = m.append('Archive', '(\\\\Flagged custom)', '"24-Nov-2026 10:00:00 +0100"', message)
assert typ == 'OK', data
typ, data = m.store('1', '+FLAGS', '(\\\\Answered)')
assert b'Answered' in data[0], data
typ, data = m.copy('1', 'Archive')
assert typ == 'OK'
m.select('Archive')
typ, data = m.fetch('1:2', '(UID FLAGS RFC822.SIZE INTERNALDATE)')
assert b'custom' in data[0] and (b'24-Nov-2026 09:00:00 +0000' in data[0] or b'10:00:00 +0100' in data[0]), data
assert b'Answered' in data[1], data
m.store('1', '+FLAGS', '(\\\\Deleted)')
typ, data = m.expunge()
assert data == [b'1'], data
typ, data = m.create('Nested/Deep')
assert typ == 'OK', data
typ, data = m.list('""', 'Nested*')
assert len(data) == 2, data
m.rename('Nested', 'Moved')
typ, data = m.list('""', 'Moved/%')
assert b'Moved/Deep' in data[0], data
m.logout()
p = poplib.POP3('127.0.0.1', pop3)
p.stls(context=tls)
p.user('eva'); p.pass_(password)
assert p.stat()[0] == 1
lines = p.retr(1)[1]
assert b'\\r\\n'.join(lines).endswith(message.rstrip(b'\\r\\n')), lines[-5:]
top = p.top(1, 1)[1]
assert top[-1] == b'.', top
uidl = p.uidl()[1]
p.dele(1); p.rset(); p.quit()
p = poplib.POP3_SSL('127.0.0.1', pop3s, context=tls)
p.user('eva'); p.pass_(password)
assert p.uidl()[1] == uidl
p.dele(1); p.quit()
p = poplib.POP3('127.0.0.1', pop3); p.user('eva'); p.pass_(password)
assert p.stat()[0] == 0
p.quit()
print('all well')
`

test("Python's smtplib, imaplib and poplib", async (t) => {
  const server = await startServer(t, { accounts: ['ana', 'eva'] })
  const ports = ['smtp', 'submission', 'imap', 'imaps', 'pop3', 'pop3s'].map((name) => String(server.port(name)))
  const ran = await run('python3', ['-c', SCRIPT, ...ports, DOMAIN, PASSWORD])
  assert.equal(ran.out, 'all well\n', ran.err)
})
